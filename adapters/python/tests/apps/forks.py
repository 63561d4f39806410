"""A guarded application whose process forks again and again while its agent is busy; each child must guard, and end.

Prints `forked N` when all children have ended well; says what went wrong and fails otherwise.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
import time

from buckler.wsgi import Middleware

#: Children, one after another and some at a time.
FORKS = 150

#: Children that live at once.
AT_ONCE = 5

#: How long a child may take, in seconds: far longer than any needs, far shorter than for ever.
PATIENCE = 50.0


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"welcome"]


guarded = Middleware(application)


def ask(path: str, client: str) -> int:
    """Asks as a server would; the status."""
    told: list[str] = []
    environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "shop.example.com",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "shop.example.com",
        "HTTP_X_FORWARDED_FOR": client,
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": open(os.devnull, "rb"),
    }
    answer = guarded(environ, lambda status, headers, exc_info=None: told.append(status))
    for _ in answer:
        pass
    close = getattr(answer, "close", None)
    if close is not None:
        close()
    return int(told[0].split()[0])


def traffic(enough: threading.Event) -> None:
    """Keeps the agent busy: attacks from ever new clients, with bans to share."""
    for number in itertools.cycle(range(60_000)):
        if enough.is_set():
            break
        # addresses for benchmarks (RFC 2544), which may be banned; private ones may not
        client = f"198.{18 + number % 2}.{number // 500}.{number // 2 % 250 + 1}"
        ask("/.git/config" if number % 7 == 0 else "/", client)


def child(number: int) -> None:
    """What a worker does: guards on its own, and ends one way or the other."""
    client = f"203.0.113.{number % 250 + 1}"
    asked = [ask("/", client), ask("/.git/config", client)]
    if asked != [200, 403]:
        print(f"child {number} was answered {asked}", flush=True)
        os._exit(3)
    if number % 2:
        os._exit(0)
    sys.exit(0)


def wait_for(children: dict[int, int], most: int) -> None:
    """Waits until no more than this many live; a child that hangs or fails ends it all."""
    end = time.monotonic() + PATIENCE
    while len(children) > most:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid:
            number = children.pop(pid)
            if status != 0:
                fail(children, f"child {number} ended with {status}")
        elif time.monotonic() > end:
            fail(children, f"children {sorted(children.values())} hang")
        else:
            time.sleep(0.005)


def fail(children: dict[int, int], why: str) -> None:
    print(why, flush=True)
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    os._exit(1)


def main() -> None:
    enough = threading.Event()
    busy = [threading.Thread(target=traffic, args=(enough,)) for _ in range(2)]
    for thread in busy:
        thread.start()
    children: dict[int, int] = {}
    for number in range(FORKS):
        pid = os.fork()
        if pid == 0:
            child(number)
        children[pid] = number
        wait_for(children, AT_ONCE)
    wait_for(children, 0)
    enough.set()
    for thread in busy:
        thread.join()
    print(f"forked {FORKS}", flush=True)


main()

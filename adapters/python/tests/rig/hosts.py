"""Every host of the suite: an application, the server that runs it, and how that is started."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import shutil
import signal
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Mapping

import pytest

from .client import VISITOR, Client
from .cloud import KEY, QUIET, Cloud
from .programs import Program
from .waiting import wait_for

#: The applications.
APPS = Path(__file__).resolve().parent.parent / "apps"

#: Where the programs of the suite's environment are.
BIN = Path(sys.executable).parent

#: What tells the hosts of a run apart.
_NUMBERS = itertools.count()


@dataclass(frozen=True)
class Kind:
    """A host: what is run, and what is known of it."""

    name: str
    platform: str
    command: tuple[str, ...]
    #: The line that says where it listens, with the port; nothing where it does not say it.
    listening: str = ""
    workers: int = 1
    #: Routes that it tells of when it registers.
    routes: int = 8
    #: Whether the server hands bodies on that come in chunks.
    chunked: bool = True
    #: Whether the server writes its own name over what the application says in `Server`.
    names_itself: bool = False
    #: What it answers who asks for its first page.
    first: int = 200
    #: How it is asked to end in an orderly way.
    stop: int = signal.SIGTERM
    #: How its process ends then: 0, or by the signal itself.
    ends: tuple[int, ...] = (0,)
    env: Mapping[str, str] = field(default_factory=dict)
    #: A module that the server needs beside its program.
    needs: str | None = None


_GUNICORN = ("gunicorn", "--chdir", str(APPS), "--bind", "127.0.0.1:0", "--no-control-socket")
_LISTENING_GUNICORN = r"Listening at: http://127\.0\.0\.1:(\d+)"
_UVICORN = (
    *("uvicorn", "--app-dir", str(APPS), "--host", "127.0.0.1", "--port", "0"),
    "--no-proxy-headers",
)
_LISTENING_UVICORN = r"Uvicorn running on http://127\.0\.0\.1:(\d+)"
_UWSGI = (
    *("uwsgi", "--http-socket", "127.0.0.1:0", "--master", "--die-on-term", "--need-app"),
    *("--chdir", str(APPS), "--virtualenv", str(BIN.parent), "--module", "flask_app:app"),
    *("--processes", "2", "--enable-threads", "--stats", "@{name}"),
)
_LISTENING_UWSGI = r"bound to TCP address 127\.0\.0\.1:(\d+)"


def _gunicorn(name: str, *more: str, workers: int = 2) -> Kind:
    command = (*_GUNICORN, "--workers", str(workers), *more, "flask_app:app")
    return Kind(name, "Flask", command, _LISTENING_GUNICORN, workers)


def _uvicorn(name: str, platform: str, app: str, workers: int) -> Kind:
    command = (*_UVICORN, "--workers", str(workers), app)
    # it ends by the signal that it was sent, once it has shut down; with workers its parent ends by itself
    ends = (-signal.SIGTERM,) if workers == 1 else (0,)
    return Kind(name, platform, command, _LISTENING_UVICORN, workers, ends=ends)


def _uwsgi(name: str, *more: str) -> Kind:
    # what comes in chunks is only to be had through an API of uWSGI's own
    return Kind(name, "Flask", (*_UWSGI, *more), _LISTENING_UWSGI, 2, chunked=False)


#: Where the applications are, for servers that look nowhere else.
_PATH = {"PYTHONPATH": str(APPS)}


def _granian(name: str, interface: str, platform: str, app: str, workers: int) -> Kind:
    # Django reads no further than the length that a request names
    chunked = not (platform == "Django" and interface == "wsgi")
    command = ("granian", "--interface", interface, "--host", "127.0.0.1", "--port", "0")
    command += ("--workers", str(workers), app)
    return Kind(name, platform, command, "", workers, chunked=chunked, env=_PATH)


def _hypercorn(name: str, platform: str, app: str) -> Kind:
    command = ("hypercorn", "--bind", "127.0.0.1:0", "--workers", "2", app)
    listening = r"Running on http://127\.0\.0\.1:(\d+)"
    # under WSGI it does not say that a body in chunks ends
    chunked = not app.startswith("wsgi:")
    return Kind(name, platform, command, listening, 2, chunked=chunked, env=_PATH)


FLASK_RUN = Kind(
    "flask-run",
    "Flask",
    ("flask", "--app", str(APPS / "flask_app.py"), "run", "--port", "0"),
    r"Running on http://127\.0\.0\.1:(\d+)",
    # it has no handler for SIGTERM, which ends the process on the spot: Ctrl-C is how it is stopped
    stop=signal.SIGINT,
)
DJANGO_GUNICORN = Kind(
    "django-gunicorn",
    "Django",
    (*_GUNICORN, "--workers", "1", "django_app:wsgi"),
    _LISTENING_GUNICORN,
    # Django reads no further than the length that a request names, and these name none
    chunked=False,
    names_itself=True,
)

#: Those that start fast and have one worker, one for each way that requests reach the guard: they run the whole list.
WHOLE = (
    FLASK_RUN,
    _uvicorn("fastapi-uvicorn", "FastAPI", "fastapi_app:app", 1),
    DJANGO_GUNICORN,
    _uvicorn("django-uvicorn", "Django", "django_app:asgi", 1),
)

#: All of them, for the core of the list.
EVERY = (
    *WHOLE,
    _gunicorn("gunicorn"),
    _gunicorn("gunicorn-threads", "--threads", "4"),
    _gunicorn("gunicorn-preload", "--preload"),
    Kind(
        "gunicorn-gevent",
        "Flask",
        (*_GUNICORN, "--workers", "2", "--worker-class", "gevent", "flask_app:app"),
        _LISTENING_GUNICORN,
        2,
        needs="gevent",
    ),
    Kind(
        "fastapi-gunicorn",
        "FastAPI",
        (
            *(*_GUNICORN, "--workers", "2"),
            *("--worker-class", "uvicorn_worker.UvicornWorker", "fastapi_app:app"),
        ),
        _LISTENING_GUNICORN,
        2,
    ),
    _uwsgi("uwsgi"),
    _uwsgi("uwsgi-threads", "--threads", "2"),
    _uwsgi("uwsgi-lazy-apps", "--lazy-apps"),
    _uvicorn("fastapi-uvicorn-2", "FastAPI", "fastapi_app:app", 2),
    _granian("granian", "wsgi", "Flask", "flask_app:app", 2),
    _granian("django-granian", "wsgi", "Django", "django_app:wsgi", 1),
    _granian("fastapi-granian", "asgi", "FastAPI", "fastapi_app:app", 2),
    _hypercorn("hypercorn", "Flask", "wsgi:flask_app:app"),
    _hypercorn("fastapi-hypercorn", "FastAPI", "fastapi_app:app"),
    Kind(
        "waitress",
        "Flask",
        (
            *("waitress-serve", "--listen", "127.0.0.1:0"),
            *("--no-clear-untrusted-proxy-headers", "flask_app:app"),
        ),
        # it has no handler for SIGTERM: the agent's ends the process by that very signal
        ends=(-signal.SIGTERM,),
        env=_PATH,
    ),
    Kind(
        "cheroot",
        "Flask",
        ("cheroot", "--bind", "127.0.0.1:0", "flask_app:app"),
        ends=(-signal.SIGTERM,),
        env=_PATH,
    ),
    Kind(
        "django-daphne",
        "Django",
        ("daphne", "-b", "127.0.0.1", "-p", "0", "django_app:asgi"),
        r"Listening on TCP address 127\.0\.0\.1:(\d+)",
        env=_PATH,
    ),
)

#: A Google Cloud Function under its own framework, which serves it by gunicorn with threads.
GCP = Kind(
    "functions-framework",
    "Google Cloud Function",
    (
        *("functions-framework", "--target", "shop", "--source", str(APPS / "gcp" / "main.py")),
        *("--host", "127.0.0.1", "--port", "0"),
    ),
    env={"K_SERVICE": "shop", "K_REVISION": "shop-00001", "FUNCTION_TARGET": "shop"},
)


class Host(Client):
    """A guarded application that serves. Its clients are named by a proxy on loopback."""

    def __init__(
        self,
        kind: Kind,
        folder: Path,
        *,
        cloud_url: str | None = None,
        security: Mapping[str, object] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        program = BIN / kind.command[0]
        if not program.exists() and shutil.which(kind.command[0]) is None:
            pytest.skip(f"{kind.command[0]} could not be installed here")
        if kind.needs is not None and importlib.util.find_spec(kind.needs) is None:
            pytest.skip(f"{kind.needs} could not be installed here")
        conf = folder / "rasp.json"
        conf.write_text(json.dumps(_merged(QUIET, security or {})))
        settings = {"PYRASP_CONF": str(conf), "BUCKLER_AGENT__TRUSTED_PROXIES": "127.0.0.0/8"}
        if cloud_url is not None:
            settings |= {"PYRASP_CLOUD_URL": cloud_url, "PYRASP_KEY": KEY}
        self.kind = kind
        self._strangers = 0
        self._name = f"buckler-suite-{os.getpid()}-{next(_NUMBERS)}"
        self.program = Program(
            [str(program), *(word.replace("{name}", self._name) for word in kind.command[1:])],
            log=folder / "host.log",
            env={**settings, **kind.env, **(env or {})},
        )
        try:
            super().__init__(("127.0.0.1", self._port()))
            wait_for("it answers", self._answers, self.program.written)
        except BaseException:
            self.program.kill()
            raise

    def _port(self) -> int:
        if self.kind.listening:
            return int(self.program.says(self.kind.listening).group(1))
        return self.program.listens()

    def _answers(self) -> bool:
        assert self.program.runs(), f"it ended:\n{self.program.written()}"
        try:
            return self.status("/", VISITOR) == self.kind.first
        except OSError:
            return False

    def stranger(self) -> str:
        """A client that has not asked yet."""
        self._strangers += 1
        return f"198.51.100.{self._strangers}"

    def rest(self) -> None:
        """Waits until no worker is at a request any more: uWSGI ends one that is without any of Python's exit hooks."""
        if "--stats" in self.kind.command:
            self.wait_until("all workers are idle", self._is_idle)

    def _is_idle(self) -> bool:
        with socket.socket(socket.AF_UNIX) as stats:
            # a name without a file, of which uWSGI takes the end of the text for a part
            stats.connect(f"\0{self._name}\0")
            told = json.load(stats.makefile())
        return all(worker["status"] == "idle" for worker in told["workers"])

    def wait_until(self, what: str, look: Any) -> Any:
        """Waits for a condition; fails with what the host has written."""
        return wait_for(what, look, self.program.written)

    def registered(self, cloud: Cloud) -> list[dict[str, Any]]:
        """Waits until the host has registered, and asks until each of its workers is awake; the agents: one for all workers."""

        def look() -> list[dict[str, Any]] | None:
            self.status("/", VISITOR)
            return [agent for agent in cloud.agents() if agent["platform"] == self.kind.platform]

        agents: list[dict[str, Any]] = self.wait_until("it registers", look)
        if self.kind.workers > 1:
            self.workers()
        return agents

    def workers(self) -> set[int]:
        """Asks until each worker has answered; their processes."""
        seen: set[int] = set()

        def look() -> bool:
            seen.add(int(self.get("/worker", VISITOR).text))
            return len(seen) >= self.kind.workers

        self.wait_until(f"{self.kind.workers} workers answer", look)
        return seen


def _merged(base: Mapping[str, object], more: Mapping[str, object]) -> dict[str, object]:
    """``more`` over ``base``; of the checks, only those that are named change."""
    merged = {**base, **more}
    checks = [part.get("SECURITY_CHECKS", {}) for part in (base, more)]
    assert all(isinstance(part, dict) for part in checks)
    merged["SECURITY_CHECKS"] = {name: level for part in checks for name, level in part.items()}
    return merged

"""One server, and applications of four kinds that it guards: who attacks one of them is shut out of all.

    cargo build --bin mock_server --bin guarded_app --bin guarded_axum
    python examples/mixed_fleet/run.py

The Python that runs it needs `buckler` and `flask`. A genuine pyrasp 0.9.2 joins where a Python that has it is named:
`--pyrasp …/bin/python`.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent

#: Where cargo puts programs.
BUILT = Path(os.environ.get("CARGO_TARGET_DIR") or HERE.parents[1] / "target")

#: The mock server's, fixed: none of them is a secret.
KEY, ADMIN = "demo-key-of-the-shop", "demo-admin-token"

#: What no honest visitor asks for.
DECOY = "/.git/config"

#: How long anything may take, in seconds: a program to start, a ban to cross.
PATIENCE = 60.0

#: Between two looks, in seconds.
PAUSE = 0.05


@dataclass(frozen=True)
class Program:
    """A program that runs, and where it listens."""

    name: str
    port: int

    def ask(
        self, method: str, path: str, headers: dict[str, str], body: Any = None
    ) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body and json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def get(self, path: str, client: str) -> int:
        """Asks as a proxy on loopback does for this client; the status."""
        return self.ask("GET", path, {"X-Forwarded-For": client})[0]

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        """Asks the mock server's admin API."""
        token = {"Authorization": f"Bearer {ADMIN}"}
        status, said = self.ask(method, f"/admin/{path}", token, body)
        if status != 200:
            sys.exit(f"{method} {path}: the server answered {status}: {said}")
        return json.loads(said)["data"]


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--pyrasp", metavar="PYTHON", help="a Python that has pyrasp 0.9.2")
    options.add_argument("--built", metavar="FOLDER", default=str(BUILT / "debug"))
    arguments = options.parse_args()
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory()))
        mock = [f"{arguments.built}/mock_server", "--listen", "127.0.0.1:0"]
        server = start(running, folder, "mock_server", mock)
        # whoever waits asks again and again, which is a flood, by rights
        config = server.admin("GET", "profiles/shop/config")["config"]
        checks = config.get("SECURITY_CHECKS", {}) | {"flood": 0}
        server.admin("PUT", "profiles/shop/config", config | {"SECURITY_CHECKS": checks})
        os.environ["PYRASP_CLOUD_URL"] = f"http://127.0.0.1:{server.port}/config"
        os.environ["PYRASP_KEY"] = KEY
        fleet = [start(running, folder, *app) for app in applications(arguments)]
        wait("all register", lambda: len(agents(server, fleet)) >= len(fleet))
        for agent in server.admin("GET", "agents")["agents"]:
            print(f"{agent['platform']:<10} {agent['version']:<8} protocol {agent['proto']}")
        for number, caught in enumerate(fleet, start=1):
            attack(server, fleet, caught, f"203.0.113.{number}")
    print("an attacker of any is shut out of all")


def applications(arguments: argparse.Namespace) -> list[tuple[str, list[str]]]:
    """The fleet: names and commands. Each listens on a free port of loopback and says which."""
    flask = [sys.executable, "-m", "flask", "--app", str(HERE / "flask_shop.py"), "run"]
    fleet = [
        ("actix-web", [f"{arguments.built}/guarded_app", "--listen", "127.0.0.1:0"]),
        ("axum", [f"{arguments.built}/guarded_axum", "--listen", "127.0.0.1:0"]),
        ("Flask", [*flask, "--port", "0"]),
    ]
    if arguments.pyrasp:
        fleet.append(("pyrasp", [arguments.pyrasp, str(HERE / "pyrasp_shop.py")]))
    else:
        print("without a genuine pyrasp: name a Python that has it by --pyrasp")
    return fleet


def start(running: ExitStack, folder: Path, name: str, command: list[str]) -> Program:
    """Starts a program and waits until it says where it listens."""
    log = folder / f"{name}.log"
    own = {"BUCKLER_AGENT__TRUSTED_PROXIES": "127.0.0.0/8", "PYTHONUNBUFFERED": "1"}
    with log.open("wb") as out:
        child = subprocess.Popen(
            command,
            env=os.environ | own,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    running.callback(stop, child)

    def port() -> int | None:
        found = re.search(r"http://127\.0\.0\.1:(\d+)", said(log))
        if child.poll() is not None:
            sys.exit(f"{name} ended:\n{log.read_text(errors='replace')}")
        return found and int(found.group(1))

    return Program(name, wait(f"{name} says where it listens", port))


def said(log: Path) -> str:
    """What a program says of itself, without what its agent says of the server."""
    lines = log.read_text(errors="replace").splitlines()
    known = ("cloud_url ", "guarded shop on ", "Running on ")
    return "\n".join(line for line in lines if any(words in line for words in known))


def stop(child: subprocess.Popen[bytes]) -> None:
    """Ends a program as Ctrl-C does."""
    child.send_signal(signal.SIGINT)
    try:
        child.wait(5)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def agents(server: Program, fleet: list[Program]) -> list[Any]:
    """The agents that have registered; each application is asked meanwhile, as some begin with their first visitor."""
    for app in fleet:
        app.get("/", "203.0.113.200")
    return [agent for agent in server.admin("GET", "agents")["agents"] if agent["registered"]]


def attack(server: Program, fleet: list[Program], caught: Program, attacker: str) -> None:
    """One application catches an attacker; how long until each other one knows."""
    began = time.monotonic()
    if caught.get(DECOY, attacker) != 403:
        sys.exit(f"{caught.name} let {attacker} ask for {DECOY}")
    crossed = []
    for app in fleet:
        wait(f"{app.name} refuses {attacker}", lambda: app.get("/", attacker) == 403)
        crossed.append(f"{app.name} {time.monotonic() - began:.1f} s")
        if app.get("/", "203.0.113.200") != 200:
            sys.exit(f"{app.name} refuses others too")
    print(f"{attacker}, caught by {caught.name:<10} refused by {', '.join(crossed)}")


def wait(what: str, look: Any) -> Any:
    """Looks until there is something to see."""
    end = time.monotonic() + PATIENCE
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > end:
            sys.exit(f"not within {PATIENCE:.0f} s: {what}")
        time.sleep(PAUSE)


if __name__ == "__main__":
    main()

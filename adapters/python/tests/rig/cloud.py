"""The cloud server: the program of this repository, asked through its admin API."""

from __future__ import annotations

import http.client
import json
import os
from pathlib import Path
from typing import Any

from .programs import Program
from .waiting import PATIENCE

#: The agents' key; looked for where it must not be.
KEY = "5f0c1a77-python-suite-secret"

#: The admin API's bearer token.
ADMIN = "admin-token-of-the-suite"

#: The repository.
ROOT = Path(__file__).resolve().parents[4]


def target() -> Path:
    """Where cargo builds, and ``.ci/python`` too."""
    return Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")


def binary(name: str) -> str:
    """A program that cargo built; ``.ci/python`` builds them all."""
    path = target() / "debug" / name
    assert path.exists(), f"{path} is not there: run .ci/python, or cargo build --bin {name}"
    return str(path)


class Cloud:
    """A cloud server with one profile, for as long as it is not stopped."""

    def __init__(self, folder: Path, *, template: str = "default", **config: object) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # beacons every second: what is shared is seen to cross
        shop = {"APP_NAME": "shop", "BLACKLIST_SHARE": True, "TELEMETRY_DATA": True}
        shop |= {"BEACON_DELAY": 1} | QUIET | config
        profiles = {"shop": {"keys": [KEY], "template": template, "config": shop}}
        settings = folder / "server.json"
        said = {"admin_token": ADMIN, "memory": True, "profiles": profiles}
        settings.write_text(json.dumps(said))
        command = [binary("buckler-server"), "--config", str(settings), "--listen", "127.0.0.1:0"]
        self.program = Program(command, log=folder / "server.log")
        try:
            port = self.program.says(r"listening address=127\.0\.0\.1:(\d+)").group(1)
        except BaseException:
            self.program.kill()
            raise
        self.address = ("127.0.0.1", int(port))
        self.url = f"http://127.0.0.1:{port}/config"

    def admin(self, method: str, path: str, body: object = None) -> Any:
        """Asks the admin API; the data of its answer."""
        connection = http.client.HTTPConnection(*self.address, timeout=PATIENCE)
        try:
            sent = None if body is None else json.dumps(body)
            token = {"Authorization": f"Bearer {ADMIN}"}
            connection.request(method, f"/admin/{path}", sent, token)
            answer = connection.getresponse()
            said = answer.read().decode()
            assert answer.status == 200, f"{method} {path}: {answer.status} {said}"
            return json.loads(said)["data"]
        finally:
            connection.close()

    def agents(self) -> list[dict[str, Any]]:
        """Every agent that has registered."""
        return [agent for agent in self.admin("GET", "agents")["agents"] if agent["registered"]]

    def listed(self) -> set[str]:
        """Every address on the list."""
        return {entry["address"] for entry in self.admin("GET", "blacklist")["entries"]}

    def configure(self, **config: object) -> None:
        """Changes the profile's configuration, as an operator does."""
        now = self.admin("GET", "profiles/shop/config")["config"]
        self.admin("PUT", "profiles/shop/config", now | config)

    def stop(self) -> None:
        self.program.kill()


#: Tests ask again and again while they wait: that is a flood, by rights.
QUIET = {"SECURITY_CHECKS": {"flood": 0}, "BLACKLIST_DELAY": 604_800}

"""Genuine releases of pyrasp with our server, one application each.

A changed configuration reaches those that can take one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from rig.client import ANOTHER, Client
from rig.cloud import KEY, ROOT, Cloud, target
from rig.programs import Program
from rig.waiting import LONG_PATIENCE, wait_for

#: Releases, by the environment that `.ci/python` made for each, and whether they take a
#: configuration from a beacon's reply.
RELEASES = {"": False, "-0.9.4": True, "-0.10.0": True, "-0.10.2": True}

LISTED = "192.0.2.77"


@pytest.fixture
def running(cloud: Cloud, tmp_path: Path) -> Iterator[dict[str, tuple[Program, bool]]]:
    programs: dict[str, tuple[Program, bool]] = {}
    env = {"PYRASP_CLOUD_URL": cloud.url, "PYRASP_KEY": KEY}
    shop = str(ROOT / "examples" / "mixed_fleet" / "pyrasp_shop.py")
    for name, takes in RELEASES.items():
        venv = target() / "python" / f"pyrasp{name}"
        if (venv / "stamp").exists():
            log = tmp_path / f"pyrasp{name}.log"
            programs[name] = (Program([str(venv / "bin/python"), shop], log=log, env=env), takes)
    yield programs
    for program, _ in programs.values():
        program.kill()


def test_a_changed_configuration_reaches_each_release_that_takes_one(
    cloud: Cloud, running: dict[str, tuple[Program, bool]]
) -> None:
    if not any(takes for _, takes in running.values()):
        pytest.skip("no release of pyrasp that takes configurations could be installed here")
    cloud.admin("POST", "blacklist", {"address": LISTED, "ttl_s": 3600})
    shops = {}
    for name, (program, takes) in running.items():
        port = program.says(r"Running on http://127\.0\.0\.1:(\d+)", LONG_PATIENCE).group(1)
        shops[name] = (Client(("127.0.0.1", int(port))), program, takes)
    for shop, program, _ in shops.values():
        wait_for("it has the list", lambda: shop.status("/", LISTED) == 403, program.written)
    versions = {agent["version"] for agent in cloud.agents()}
    assert versions == {name.lstrip("-") or "0.9.2" for name in shops}

    cloud.configure(DENY_STATUS_CODE=418)
    for shop, program, takes in shops.values():
        if takes:
            wait_for("it is in force", lambda: shop.status("/", LISTED) == 418, program.written)
    for shop, _, takes in shops.values():
        assert shop.status("/", LISTED) == (418 if takes else 403)
        assert shop.status("/", ANOTHER) == 200

    # what comes with later beacons reaches all: none was lost by what it cannot take
    cloud.admin("DELETE", f"blacklist?address={LISTED}")
    for shop, program, _ in shops.values():
        wait_for("it is let in again", lambda: shop.status("/", LISTED) == 200, program.written)

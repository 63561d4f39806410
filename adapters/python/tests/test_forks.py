"""Processes that fork while their agent is busy: what a server does that starts and replaces workers."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rig.cloud import KEY, QUIET, Cloud
from rig.hosts import APPS
from rig.programs import Program
from rig.waiting import LONG_PATIENCE


def test_every_fork_of_a_busy_process_guards_and_ends(cloud: Cloud, tmp_path: Path) -> None:
    conf = tmp_path / "rasp.json"
    conf.write_text(json.dumps(QUIET))
    env = {
        "PYRASP_CLOUD_URL": cloud.url,
        "PYRASP_KEY": KEY,
        "PYRASP_CONF": str(conf),
        "BUCKLER_AGENT__TRUSTED_PROXIES": "127.0.0.0/8",
    }
    program = Program([sys.executable, str(APPS / "forks.py")], log=tmp_path / "forks.log", env=env)
    try:
        program.says("forked 150", LONG_PATIENCE)
        assert program.ended() == 0, program.written()
        assert len(cloud.agents()) > 1, "children have agents of their own"
    finally:
        program.kill()

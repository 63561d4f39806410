"""One server, and applications of four kinds: an attacker of any is shut out of all. It is the example that a user runs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from rig.cloud import ROOT, target
from rig.programs import Program
from rig.waiting import LONG_PATIENCE

#: A Python with a genuine pyrasp, where `.ci/python` could make one.
PYRASP = target() / "python" / "pyrasp" / "bin" / "python"


@pytest.mark.parametrize("members", [("actix-web", "axum", "Flask"), ("actix-web", "pyrasp")])
def test_an_attacker_of_any_is_shut_out_of_all(members: tuple[str, ...], tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "examples" / "mixed_fleet" / "run.py")]
    command += ["--built", str(target() / "debug")]
    if "pyrasp" in members:
        if not (PYRASP.parent.parent / "stamp").exists():
            pytest.skip("pyrasp could not be installed here: it needs Python 3.12")
        command += ["--pyrasp", str(PYRASP)]
    fleet = Program(command, log=tmp_path / "fleet.log")
    try:
        fleet.says("an attacker of any is shut out of all", LONG_PATIENCE)
        assert fleet.ended() == 0, fleet.written()
        for member in members:
            assert f"caught by {member}" in fleet.written()
    finally:
        fleet.kill()

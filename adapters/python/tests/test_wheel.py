"""The wheel: it needs nothing but a Python."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from rig.cloud import target
from rig.hosts import APPS
from rig.programs import environment


def wheel() -> Path:
    """What `.ci/python` built, and installed for this suite."""
    [built] = (target() / "python" / "wheel").glob("*.whl")
    return built


def test_it_installs_into_a_clean_environment_and_guards(tmp_path: Path) -> None:
    clean = tmp_path / "clean"
    _run(sys.executable, "-m", "venv", str(clean))
    python = str(clean / "bin" / "python")
    # nothing is fetched: it depends on nothing
    _run(python, "-m", "pip", "install", "--quiet", "--no-index", str(wheel()))
    assert _run(python, str(APPS / "smoke.py")) == "guards\n"


def test_it_serves_every_python_and_is_typed() -> None:
    assert "-cp310-abi3-" in wheel().name
    names = zipfile.ZipFile(wheel()).namelist()
    assert "buckler/py.typed" in names
    assert "buckler/_buckler.pyi" in names


def _run(*command: str) -> str:
    ran = subprocess.run(command, env=environment({}), capture_output=True, text=True, timeout=240)
    assert ran.returncode == 0, f"{command}: {ran.stdout}{ran.stderr}"
    return ran.stdout

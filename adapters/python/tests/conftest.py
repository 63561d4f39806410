"""Fixtures: servers and hosts that are gone when the test is, however it ends."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator

import pytest
from rig.cloud import Cloud
from rig.hosts import WHOLE, Host, Kind

#: Starts a host as `Host` does, and ends it with the test.
Start = Callable[..., Host]


# hosts run in sessions of their own: a suite that is told to end must end them, as Ctrl-C does
signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Processes of one parent, folder and settings are siblings, which have one agent; those of a suite are to have their own."""
    os.chdir(tmp_path_factory.mktemp("process"))


def each(kinds: Iterable[Kind]) -> list[Any]:
    """Hosts as parameters; where tests run side by side, those of one host stay together and share it."""
    return [
        pytest.param(kind, id=kind.name, marks=pytest.mark.xdist_group(kind.name)) for kind in kinds
    ]


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    """A cloud server of the test's own."""
    server = Cloud(tmp_path / "cloud")
    yield server
    server.stop()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts hosts of the test's own."""
    started: list[Host] = []

    def begin(kind: Kind, **settings: Any) -> Host:
        host = Host(kind, tmp_path / f"host-{len(started)}", **settings)
        started.append(host)
        return host

    yield begin
    for host in started:
        host.program.kill()


@pytest.fixture(params=each(WHOLE))
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each host that runs the whole list."""
    return request.param


@pytest.fixture(params=each(WHOLE), scope="session")
def plain(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[Host]:
    """Each of them with default settings and without a server, shared by all tests that want no other."""
    host = Host(request.param, tmp_path_factory.mktemp(request.param.name))
    yield host
    host.program.kill()

"""The workers of a server judge by one agent: they have windows and bans in common, and go on when the one that has it is gone."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

import pytest
from conftest import Start, each
from rig.client import ANOTHER, CLIENT, DECOY
from rig.cloud import Cloud
from rig.hosts import EVERY, Host, Kind

#: A server for each way that workers come about: forked before and after the application is loaded, by a server that Python does not
#: know of, and started afresh.
NAMES = ("gunicorn", "gunicorn-preload", "uwsgi", "fastapi-uvicorn-2", "granian")
SIBLINGS = [kind for kind in EVERY if kind.name in NAMES]

SCRIPTS = [f"/items/7?q=%3Cscript%3Ealert({n})%3C/script%3E" for n in range(1, 4)]

FORM = "application/x-www-form-urlencoded"


@pytest.fixture(params=each(SIBLINGS))
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


#: Granian ends where a worker is killed, and has the kernel hand connections to one that is stopped.
@pytest.fixture(params=each(kind for kind in SIBLINGS if kind.name != "granian"))
def lasting(request: pytest.FixtureRequest) -> Kind:
    return request.param


def leader_of(host: Host, workers: set[int]) -> int:
    """The worker that has the agent, whose thread has its name."""
    names = {
        pid: {
            task.joinpath("comm").read_text().strip()
            for task in Path(f"/proc/{pid}/task").iterdir()
        }
        for pid in workers
    }
    [leader] = [pid for pid, threads in names.items() if "buckler-share" in threads]
    return leader


def test_windows_are_in_common(kind: Kind, start: Start) -> None:
    flood = {"FLOOD_RATIO": 10, "FLOOD_DELAY": 3600, "FLOOD_BURST": 10}
    host = start(kind, security={"SECURITY_CHECKS": {"flood": 2}, **flood})
    asked = [host.status("/", CLIENT) for _ in range(20)]
    assert sorted(asked) == [200] * 10 + [429] * 10, "as many as one worker lets through"


def test_evidence_is_in_common(kind: Kind, start: Start) -> None:
    host = start(kind)
    host.workers()
    assert [host.status(script) for script in SCRIPTS] == [403] * 3
    host.wait_until("three values ban, in whichever worker", lambda: host.status("/") == 403)
    assert {host.status("/") for _ in range(10)} == {403}
    assert host.status("/", ANOTHER) == 200


def test_bodies_are_looked_into_in_each_worker(kind: Kind, start: Start) -> None:
    host = start(kind, security={"SECURITY_CHECKS": {"sqli": 1}})
    filling = b"&".join(b"field%d=" % n + b"words+" * 100 for n in range(300))
    for _ in range(6):
        assert host.post("/echo", FORM, b"a=1'+OR+'1'='1", ANOTHER).status == 403
        assert host.post("/echo", FORM, filling + b"&a=1'+OR+'1'='1", ANOTHER).status == 403
        assert host.post("/echo", FORM, filling, ANOTHER).body == filling
    # whichever worker it was: the one that has the agent asks the others for the route
    for found in (f"/items/{n}?a=1%27+OR+%271%27%3D%271" for n in range(6)):
        assert host.status(found, ANOTHER) == 403
    route = "/items/{number}" if kind.platform == "FastAPI" else "/items/<int:number>"

    def is_told() -> bool:
        # what was found is logged with a later call
        host.status("/", ANOTHER)
        said = host.program.written()
        return said.count(f'route="{route}"') == 6 and said.count('route="/echo"') == 12

    host.wait_until("each finding is told with its route", is_told)


def test_answers_are_judged_in_each_worker(kind: Kind, start: Start) -> None:
    security = {"DECOY_ROUTES": [["/login", "ends"]], "CHANGE_SERVER": True}
    host = start(kind, security=security | {"SECURITY_CHECKS": {"path": 1, "decoy": 1}})
    for _ in range(6):
        assert host.get("/login", ANOTHER).text == "a form", "a page that there is is no decoy"
        assert host.status("/elsewhere/login", ANOTHER) == 403
        assert host.status("/nowhere", ANOTHER) == 403
        assert host.get("/missing", ANOTHER).text == "no such thing"


def test_workers_go_on_when_the_one_with_the_agent_is_killed(
    lasting: Kind, cloud: Cloud, start: Start
) -> None:
    host = start(lasting, cloud_url=cloud.url)
    host.registered(cloud)
    for _ in range(2):
        os.kill(leader_of(host, host.workers()), signal.SIGKILL)
        # a connection to the worker that is killed may break; none is answered without a look
        host.wait_until("a sibling guards", lambda: _answered(host, DECOY, CLIENT) == 403)
        host.wait_until("a sibling lets pass", lambda: _answered(host, "/", ANOTHER) == 200)
    attacker = "203.0.116.1"
    assert host.status(DECOY, attacker) == 403
    host.wait_until("the ban is shared", lambda: attacker in cloud.listed())


def test_bans_are_taken_over_where_there_is_no_server(lasting: Kind, start: Start) -> None:
    host = start(lasting)
    workers = host.workers()
    attacker = "203.0.116.3"
    assert host.status(DECOY, attacker) == 403
    host.wait_until("the ban is in force", lambda: host.status("/", attacker) == 403)
    # siblings note the bans once a second, while they are asked something
    noted = time.monotonic() + 2.5
    host.wait_until(
        "bans are noted", lambda: host.status("/", ANOTHER) == 200 and time.monotonic() > noted
    )
    os.kill(leader_of(host, workers), signal.SIGKILL)
    host.wait_until("a sibling guards", lambda: _answered(host, "/", ANOTHER) == 200)
    host.wait_until("the ban is in force again", lambda: _answered(host, "/", attacker) == 403)


def test_workers_go_on_when_the_one_with_the_agent_is_stopped(lasting: Kind, start: Start) -> None:
    host = start(lasting)
    workers = host.workers()
    leader = leader_of(host, workers)
    os.kill(leader, signal.SIGSTOP)
    try:
        seen = set()

        def judged() -> bool:
            seen.add(_answered(host, DECOY, "203.0.116.2", patience=20))
            return 403 in seen

        host.wait_until("another guards by itself", judged)
        assert 404 not in seen, "none passes meanwhile"
    finally:
        with contextlib.suppress(
            ProcessLookupError
        ):  # a server that looks after its workers ended it
            os.kill(leader, signal.SIGCONT)


#: What a further worker may cost, in bytes.
MOST = 5_000_000


@pytest.mark.parametrize("kind", each(kind for kind in EVERY if kind.workers > 1))
def test_a_further_worker_costs_little(kind: Kind, start: Start) -> None:
    bare = start(kind, env={"SHOP_UNGUARDED": "1"})
    guarded = start(kind)
    before = _of_busy_workers(bare)
    costs = _of_busy_workers(guarded)
    del costs[leader_of(guarded, set(costs))]
    assert costs, "one worker has the agent, and the others have not"
    assert max(costs.values()) - max(before.values()) <= MOST, (before, costs)


def _of_busy_workers(host: Host) -> dict[int, int]:
    """What the memory of each worker is that is its alone, once each has answered many requests."""
    workers = host.workers()
    for _ in range(50):
        assert host.post("/echo", FORM, b"a=1&b=2", ANOTHER).status == 200
    return {pid: _private(pid) for pid in workers}


def _private(pid: int) -> int:
    """The memory that is a process's alone, in bytes."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))


def _answered(host: Host, path: str, client: str, patience: float = 20) -> int:
    """The status, or 0 where the worker that was asked is gone or stopped."""
    try:
        return host.status(path, client, patience)
    except OSError:
        return 0

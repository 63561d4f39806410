"""Every server, with each of its workers: one agent for all of them, by which all guard, and which they end when they are told to."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

import pytest
from conftest import each
from rig.client import ANOTHER, DECOY
from rig.cloud import Cloud
from rig.hosts import EVERY, Host, Kind
from test_bodies import BEHIND, BODIES, FORM, LONG

#: Until when a host that is told to end has ended, in seconds.
GOODBYE = 2.0

#: How often it may be tried: on a loaded machine the first may be too slow for reasons of its own.
ATTEMPTS = 4


@pytest.fixture(params=each(EVERY), scope="module")
def running(request: pytest.FixtureRequest, tmp_path_factory) -> Iterator[tuple[Host, Cloud]]:
    """Each host with a server, shared by the tests below."""
    folder: Path = tmp_path_factory.mktemp(request.param.name)
    cloud = Cloud(folder / "cloud")
    try:
        env = {"SHOP_NAMES_WORKERS": "1"}
        host = Host(request.param, folder / "host", cloud_url=cloud.url, env=env)
        yield host, cloud
        host.program.kill()
    finally:
        cloud.stop()


def test_one_worker_registers_for_all(running: tuple[Host, Cloud]) -> None:
    host, cloud = running
    [agent] = host.registered(cloud)
    assert agent["routes"] == host.kind.routes
    assert len(host.workers()) == host.kind.workers
    assert len(cloud.agents()) == 1, "no other process does: no master, no loader, no other worker"


def test_workers_guard_count_and_share_as_one(running: tuple[Host, Cloud]) -> None:
    host, cloud = running
    host.registered(cloud)
    before = _blocked(cloud)
    caught = [f"203.0.114.{number}" for number in range(1, 21)]
    for attacker in caught:
        assert host.status(DECOY, attacker) == 403
        assert host.status("/", ANOTHER) == 200
    host.wait_until("all are listed", lambda: cloud.listed() >= set(caught))
    host.wait_until("all counts have come", lambda: _blocked(cloud) >= before + len(caught))
    [agent] = cloud.agents()
    assert _counted(agent) and agent["shared"]["bans"] > 0


def test_a_ban_by_one_worker_holds_in_the_others_at_once(running: tuple[Host, Cloud]) -> None:
    host, cloud = running
    host.registered(cloud)
    workers = host.workers()
    for number in range(1, 6):
        attacker = f"203.0.115.{number}"
        assert host.status(DECOY, attacker) == 403
        host.wait_until("the ban is in force", lambda: host.status("/", attacker) == 403)
        refusing: set[str | None] = set()

        def each_refuses() -> bool:
            answer = host.get("/", attacker)
            assert answer.status == 403, "the first time that it is asked"
            refusing.add(answer.header("x-worker"))
            return len(refusing) == host.kind.workers

        host.wait_until("each worker has answered", each_refuses)
        # the shop in Django has one worker, and does not name it
        assert refusing in ({str(pid) for pid in workers}, {None})


def _counted(agent: dict) -> bool:
    totals = agent["totals"]
    return all(totals[what] > 0 for what in ("success", "attacks", "blocked"))


def _blocked(cloud: Cloud) -> int:
    return sum(agent["totals"]["blocked"] for agent in cloud.agents())


def test_workers_hear_of_the_list(running: tuple[Host, Cloud]) -> None:
    host, cloud = running
    host.registered(cloud)
    cloud.admin("POST", "blacklist", {"address": "192.0.2.77", "ttl_s": 3600})
    host.wait_until("the list has come", lambda: host.status("/", "192.0.2.77") == 403)

    assert {host.status("/", "192.0.2.77") for _ in range(20)} == {403}


def test_bodies_are_intact(running: tuple[Host, Cloud]) -> None:
    host, _ = running
    for content_type, sent in BODIES.values():
        answer = host.post("/echo", content_type, sent, ANOTHER)
        assert (answer.status, answer.body == sent) == (200, True), content_type
    if host.kind.chunked:
        pieces = [LONG[at : at + 50_000] for at in range(0, len(LONG), 50_000)]
        assert host.post("/echo", "application/octet-stream", pieces, ANOTHER).body == LONG


@pytest.mark.parametrize("before", BEHIND)
def test_attacks_are_refused_at_the_end_of_bodies(running: tuple[Host, Cloud], before: int) -> None:
    host, _ = running
    filling = b"&".join(b"field%d=" % n + b"words+" * 100 for n in range(before // 600))
    pieces = [filling[at : at + 7_000] for at in range(0, len(filling), 7_000)]
    attack = [*pieces, b"&a=1'+O", b"R+'1'='1"]
    refused = host.post("/echo", FORM, b"".join(attack), host.stranger())
    assert (refused.status, refused.text[:9]) == (403, "Blocked. ")
    assert host.post("/echo", FORM, filling, host.stranger()).body == filling
    if host.kind.chunked:
        assert host.post("/echo", FORM, attack, host.stranger()).status == 403
        assert host.post("/echo", FORM, pieces, host.stranger()).body == filling


def test_no_attack_in_chunks_is_read_unseen(running: tuple[Host, Cloud]) -> None:
    """Whatever the framework and the server make of them, and past the framework too."""
    host, _ = running
    pieces = [b"field=" + b"words+" * 12_000, b"&a=1'+O", b"R+'1'='1"]
    for path in ("/echo", "/echo?raw=1"):
        answer = host.post(path, FORM, pieces, host.stranger())
        assert answer.status == 403 or (answer.status, answer.body) == (200, b""), path


@pytest.mark.parametrize("kind", each(EVERY))
def test_it_ends_in_time_and_tells_what_the_server_does_not_know(
    kind: Kind, tmp_path: Path
) -> None:
    took = [_end(kind, tmp_path / "0")]
    while min(took) >= GOODBYE and len(took) < ATTEMPTS:
        took.append(_end(kind, tmp_path / str(len(took))))
    assert min(took) < GOODBYE, took


def _end(kind: Kind, folder: Path) -> float:
    # so seldom that nothing is told on the way
    cloud = Cloud(folder / "cloud", BEACON_DELAY=600)
    try:
        host = Host(kind, folder / "host", cloud_url=cloud.url)
        try:
            return _end_of(host, cloud)
        finally:
            host.program.kill()
    finally:
        cloud.stop()


def _end_of(host: Host, cloud: Cloud) -> float:
    host.registered(cloud)
    caught = {f"203.0.113.{n}" for n in range(1, 21)}
    for attacker in caught:
        assert host.status(DECOY, attacker) == 403
    host.rest()
    code, took = host.program.end(host.kind.stop)
    assert code in host.kind.ends, host.program.written()
    assert caught <= cloud.listed(), host.program.written()
    return took

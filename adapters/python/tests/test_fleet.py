"""Applications of every framework with one server."""

from __future__ import annotations

import json
import socket

from conftest import Start
from rig.client import ANOTHER, CLIENT, DECOY
from rig.cloud import KEY, Cloud
from rig.hosts import WHOLE, Kind


def test_it_registers_with_its_platform_and_routes(kind: Kind, cloud: Cloud, start: Start) -> None:
    host = start(kind, cloud_url=cloud.url)
    [agent] = host.registered(cloud)
    assert (agent["platform"], agent["routes"]) == (kind.platform, kind.routes)
    assert agent["proto"] == 2
    assert KEY not in json.dumps(agent)
    assert KEY not in host.program.written()


def test_who_is_listed_is_refused(kind: Kind, cloud: Cloud, start: Start) -> None:
    host = start(kind, cloud_url=cloud.url)
    cloud.admin("POST", "blacklist", {"address": "192.0.2.7", "ttl_s": 3600})
    host.wait_until("the list has come", lambda: host.status("/", "192.0.2.7") == 403)
    cloud.admin("DELETE", "blacklist?address=192.0.2.7")
    host.wait_until("the client is let in again", lambda: host.status("/", "192.0.2.7") == 200)


def test_who_is_caught_by_one_is_shut_out_of_all(cloud: Cloud, start: Start) -> None:
    hosts = [start(kind, cloud_url=cloud.url) for kind in WHOLE]
    for caught, host in enumerate(hosts):
        attacker = f"203.0.113.{100 + caught}"
        assert host.status(DECOY, attacker) == 403
        for other in hosts:
            other.wait_until("the ban has crossed", lambda: other.status("/", attacker) == 403)
            assert other.status("/", ANOTHER) == 200


def test_a_configuration_is_pushed_while_it_runs(kind: Kind, cloud: Cloud, start: Start) -> None:
    host = start(kind, cloud_url=cloud.url)
    host.registered(cloud)
    cloud.configure(BLACKLIST_STATUS_CODE=418)
    host.wait_until("the new one is in force", lambda: host.status(DECOY) == 418)


def test_it_guards_while_the_server_is_down_at_the_start(
    kind: Kind, cloud: Cloud, start: Start
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        # bound and not listening: whoever connects is refused
        nowhere = f"http://127.0.0.1:{taken.getsockname()[1]}/config"
        host = start(kind, cloud_url=nowhere)
        assert host.status("/") == 200
        assert host.status(DECOY) == 403
        host.wait_until("the ban is in force", lambda: host.status("/") == 403)
        assert host.get("/items/7", ANOTHER).text == "item 7"


def test_requests_are_counted_by_what_became_of_them(
    kind: Kind, cloud: Cloud, start: Start
) -> None:
    host = start(kind, cloud_url=cloud.url)
    host.registered(cloud)
    before = _counts(cloud)
    for path in ("/items/7", "/items/8", "/missing", "/broken", "/nowhere"):
        host.get(path, CLIENT)
    host.get(DECOY, ANOTHER)

    def counted() -> bool:
        more = [now - then for now, then in zip(_counts(cloud), before)]
        return more[1:] == [3, 1, 1] and more[0] >= 2

    host.wait_until("the counts have come", counted)


def _counts(cloud: Cloud) -> list[int]:
    [agent] = cloud.agents()
    return [agent["totals"][what] for what in ("success", "errors", "attacks", "blocked")]

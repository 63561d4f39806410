"""A Google Cloud Function, run by the framework that Google runs it by."""

from __future__ import annotations

import pytest
from conftest import Start
from rig.client import ANOTHER, DECOY, SOMEBODY
from rig.cloud import Cloud
from rig.hosts import GCP
from test_bodies import BODIES

pytest.importorskip("functions_framework", reason="functions-framework could not be installed here")


def test_it_registers_guards_shares_and_counts(cloud: Cloud, start: Start) -> None:
    host = start(GCP, cloud_url=cloud.url)
    [agent] = host.registered(cloud)
    assert agent["platform"] == "Google Cloud Function"
    assert host.status("/gone") == 404
    assert host.get(DECOY).text == "Blocked"
    host.wait_until("the ban is in force", lambda: host.status("/") == 403)

    def shared() -> bool:
        # nothing may depend on time between requests: it is a request that makes an exchange
        assert host.status("/", ANOTHER) == 200
        return SOMEBODY in cloud.listed()

    host.wait_until("the ban is shared", shared)

    def counted() -> bool:
        assert host.status("/", ANOTHER) == 200
        [agent] = cloud.agents()
        totals = agent["totals"]
        return totals["errors"] == 1 and totals["attacks"] > 0 and totals["success"] > 0

    host.wait_until("the counts have come", counted)


def test_who_is_listed_is_refused(cloud: Cloud, start: Start) -> None:
    host = start(GCP, cloud_url=cloud.url)
    cloud.admin("POST", "blacklist", {"address": "192.0.2.7", "ttl_s": 3600})
    host.wait_until("the list has come", lambda: host.status("/", "192.0.2.7") == 403)


def test_bodies_are_untouched(start: Start) -> None:
    host = start(GCP)
    for content_type, sent in BODIES.values():
        answer = host.post("/echo", content_type, sent, ANOTHER)
        assert (answer.status, answer.body == sent) == (200, True), content_type


def test_it_tells_what_the_server_does_not_know_when_it_ends(cloud: Cloud, start: Start) -> None:
    host = start(GCP, cloud_url=cloud.url)
    host.registered(cloud)
    caught = {f"203.0.113.{n}" for n in range(1, 11)}
    for attacker in caught:
        assert host.status(DECOY, attacker) == 403
    host.program.end()
    assert caught <= cloud.listed(), host.program.written()

"""A Google Cloud Function, run by the framework that Google runs it by."""

from __future__ import annotations

import dataclasses
import inspect
import json

import pytest
from conftest import Start
from rig.client import ANOTHER, CLIENT, DECOY
from rig.cloud import KEY, Cloud
from rig.hosts import GCP
from test_bodies import BODIES

pytest.importorskip("functions_framework", reason="functions-framework could not be installed here")


def test_it_registers_guards_shares_and_counts(cloud: Cloud, start: Start) -> None:
    host = start(GCP, cloud_url=cloud.url)
    [agent] = host.registered(cloud)
    assert agent["platform"] == "Google Cloud Function"
    assert host.status("/gone") == 404
    assert host.get(DECOY).text.startswith("Blocked. ")
    host.wait_until("the ban is in force", lambda: host.status("/") == 403)

    def shared() -> bool:
        # nothing may depend on time between requests: it is a request that makes an exchange
        assert host.status("/", ANOTHER) == 200
        return CLIENT in cloud.listed()

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


@pytest.mark.parametrize("written", ["request", "event, context"])
def test_functions_of_http_are_guarded_however_they_are_written(written: str, start: Start) -> None:
    # as pyrasp's documentation writes it: with a context that Google never gives to a function of HTTP
    name = {"request": "shop", "event, context": "shop_with_context"}[written]
    host = start(
        dataclasses.replace(GCP, command=named(name), env=GCP.env | {"FUNCTION_TARGET": name})
    )
    assert host.status("/") == 200
    assert host.status(DECOY) == 403


def named(function: str) -> tuple[str, ...]:
    """The command that serves this function of the application's."""
    return tuple(function if word == "shop" else word for word in GCP.command)


def test_functions_of_events_run_as_they_are(cloud: Cloud) -> None:
    from buckler import GcpRASP
    from cloudevents.http import CloudEvent

    rasp = GcpRASP(cloud_url=cloud.url, key=KEY)

    @rasp.register
    def with_context(event, context):
        return event, context

    @rasp.register
    def with_event(cloud_event):
        return cloud_event.data

    data = {"bucket": "pictures", "name": "1' OR '1'='1"}
    assert with_context(data, "a context") == (data, "a context")
    event = CloudEvent({"type": "com.example.stored", "source": "shop"}, data)
    assert with_event(event) == data
    assert list(inspect.signature(with_context).parameters) == ["event", "context"]
    [agent] = cloud.agents()
    assert agent["platform"] == "Google Cloud Function"
    rasp.agent.stop()


@pytest.mark.parametrize("kind", ["event", "cloudevent"])
def test_the_framework_calls_functions_of_events(kind: str, start: Start) -> None:
    name = {"event": "stored", "cloudevent": "stored_event"}[kind]
    env = GCP.env | {"FUNCTION_TARGET": name, "FUNCTION_SIGNATURE_TYPE": kind}
    command = (*named(name), "--signature-type", kind)
    # events come by POST alone
    first = {"event": 200, "cloudevent": 405}[kind]
    host = start(dataclasses.replace(GCP, command=command, env=env, first=first))
    event = {
        "specversion": "1.0",
        "type": "google.cloud.storage.object.v1.finalized",
        "source": "//storage.googleapis.com/projects/_/buckets/pictures",
        "id": "1",
        "time": "2026-01-02T03:04:05Z",
        "data": {"bucket": "pictures", "name": "a.png"},
    }
    sent = json.dumps(event).encode()
    answer = host.post("/", "application/cloudevents+json", sent, ANOTHER)
    assert answer.status < 300, answer.text
    assert "stored a.png" in host.program.written()

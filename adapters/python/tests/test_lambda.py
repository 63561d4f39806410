"""A function on AWS Lambda, run by the real runtime client against an emulator that freezes it between invocations."""

from __future__ import annotations

import base64
import importlib.util
import json
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from rig.client import ANOTHER, CLIENT, DECOY, HOST
from rig.cloud import KEY, QUIET, Cloud
from rig.hosts import APPS
from rig.lambda_runtime import Runtime
from rig.waiting import wait_for

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("awslambdaric") is None,
    reason="awslambdaric could not be installed here",
)

ATTACK = "1%27+OR+%271%27%3D%271"

#: Makes an event of a path, a client, and a body.
Event = Callable[..., dict[str, Any]]


def v2(path: str, client: str = CLIENT, body: bytes | None = None) -> dict[str, Any]:
    """What API Gateway's HTTP API and function URLs send."""
    raw, _, query = path.partition("?")
    method = "GET" if body is None else "POST"
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": raw,
        "rawQueryString": query,
        "headers": {"host": HOST, "content-type": "application/octet-stream"},
        "requestContext": {
            "requestId": "r",
            "domainName": HOST,
            "http": {
                "method": method,
                "path": raw,
                "protocol": "HTTP/1.1",
                "sourceIp": client,
                "userAgent": "suite",
            },
        },
        "isBase64Encoded": False,
    }
    return event | _body(body)


def v1(path: str, client: str = CLIENT, body: bytes | None = None) -> dict[str, Any]:
    """What API Gateway's REST API sends."""
    raw, _, query = path.partition("?")
    pairs = [pair.split("=", 1) for pair in query.split("&") if pair]
    headers = {"Host": HOST, "Content-Type": "application/octet-stream"}
    event: dict[str, Any] = {
        "resource": "/{proxy+}",
        "path": raw,
        "httpMethod": "GET" if body is None else "POST",
        "headers": headers,
        "multiValueHeaders": {name: [said] for name, said in headers.items()},
        "queryStringParameters": dict(pairs) or None,
        "multiValueQueryStringParameters": {name: [said] for name, said in pairs} or None,
        "requestContext": {
            "requestId": "r",
            "path": raw,
            "stage": "prod",
            "identity": {"sourceIp": client},
        },
        "isBase64Encoded": False,
    }
    return event | _body(body)


def _body(body: bytes | None) -> dict[str, Any]:
    if body is None:
        return {}
    return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    # so seldom that only what waits to be shared makes an exchange due
    server = Cloud(tmp_path / "cloud", BEACON_DELAY=2)
    yield server
    server.stop()


@pytest.fixture
def runtime(tmp_path: Path, cloud: Cloud) -> Iterator[Runtime]:
    conf = tmp_path / "rasp.json"
    conf.write_text(json.dumps(QUIET))
    env = {"PYRASP_CLOUD_URL": cloud.url, "PYRASP_KEY": KEY, "PYRASP_CONF": str(conf)}
    running = Runtime("lambda_app.handler", APPS, log=tmp_path / "lambda.log", env=env)
    yield running
    running.stop()


@pytest.fixture(params=[v1, v2], ids=["rest-api", "http-api"])
def event(request: pytest.FixtureRequest) -> Event:
    return request.param


def test_it_answers_and_registers(runtime: Runtime, cloud: Cloud, event: Event) -> None:
    assert runtime.invoke(event("/"))["body"] == "welcome r"
    assert runtime.invoke(event("/gone"))["statusCode"] == 404
    [agent] = cloud.agents()
    assert agent["platform"] == "AWS Lambda"


def test_an_attacker_is_refused_banned_and_shared(
    runtime: Runtime, cloud: Cloud, event: Event
) -> None:
    refused = runtime.invoke(event(DECOY))
    assert (refused["statusCode"], refused["body"][:9]) == (403, "Blocked. ")
    wait_for("the ban is in force", lambda: runtime.invoke(event("/"))["statusCode"] == 403)
    assert runtime.invoke(event(f"/items/7?q={ATTACK}", "203.0.113.11"))["statusCode"] == 403

    def shared() -> bool:
        assert runtime.invoke(event("/", ANOTHER))["statusCode"] == 200
        return CLIENT in cloud.listed()

    wait_for("the ban is shared, by an invocation", shared, cloud.agents)


def test_findings_name_the_route_by_which_api_gateway_called(
    runtime: Runtime, cloud: Cloud
) -> None:
    rest = v1(f"/items/7?q={ATTACK}") | {"resource": "/items/{id}"}
    http = v2(f"/items/7?q={ATTACK}") | {"routeKey": "GET /items/{id}"}
    names = {}
    for event, route in ((rest, "/items/{id}"), (http, "/items/{id}"), (v1(f"/?q={ATTACK}"), None)):
        names[runtime.invoke(event)["headers"]["x-block-id"]] = route

    def told() -> dict[str, Any]:
        runtime.invoke(v2("/", ANOTHER))
        return {one["id"]: one for one in cloud.admin("GET", "refusals")["refusals"]}

    wait_for("the server has heard of all", lambda: names.keys() <= told().keys(), cloud.agents)
    assert {name: told()[name].get("route") for name in names} == names


def test_who_is_listed_is_refused(runtime: Runtime, cloud: Cloud, event: Event) -> None:
    assert runtime.invoke(event("/", "192.0.2.7"))["statusCode"] == 200
    cloud.admin("POST", "blacklist", {"address": "192.0.2.7", "ttl_s": 3600})
    wait_for(
        "the list has come, with an invocation",
        lambda: runtime.invoke(event("/", "192.0.2.7"))["statusCode"] == 403,
        cloud.agents,
    )


def test_invocations_are_counted(runtime: Runtime, cloud: Cloud) -> None:
    for path in ("/", "/gone", DECOY):
        runtime.invoke(v2(path))

    def counted() -> bool:
        runtime.invoke(v2("/", ANOTHER))
        [agent] = cloud.agents()
        totals = agent["totals"]
        return totals["success"] >= 1 and [totals["errors"], totals["attacks"]] == [1, 1]

    wait_for("the counts have come, with an invocation", counted, cloud.agents)


def test_bodies_are_untouched(runtime: Runtime, event: Event) -> None:
    for sent in (b"a=1&b=x+y", bytes(range(256)), b"\x00" * 100_000):
        answer = runtime.invoke(event("/echo", ANOTHER, sent))
        assert answer["statusCode"] == 200
        assert base64.b64decode(answer["body"]) == sent


def test_it_answers_where_no_server_is(tmp_path: Path) -> None:
    # nobody listens on the discard port of loopback
    env = {"PYRASP_CLOUD_URL": "http://127.0.0.1:9/config", "PYRASP_KEY": KEY}
    runtime = Runtime("lambda_app.handler", APPS, log=tmp_path / "lambda.log", env=env)
    try:
        assert runtime.invoke(v2("/"))["statusCode"] == 200
        assert runtime.invoke(v2(DECOY))["statusCode"] == 403
    finally:
        runtime.stop()

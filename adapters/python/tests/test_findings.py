"""What is told of a finding: where it was, and the exception that would have let it pass."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import Start
from rig.client import ANOTHER, Answer
from rig.cloud import KEY, Cloud
from rig.hosts import Kind
from rig.waiting import wait_for

from buckler import Agent, _logs, wsgi

#: How each framework writes the route of an item.
ITEM = {
    "Flask": "/items/<int:number>",
    "FastAPI": "/items/{number}",
    "Django": "/items/<int:number>",
}

FORM = "application/x-www-form-urlencoded"

#: An attack in a query and in a form.
ATTACK = "note=1%27+OR+%271%27%3D%271"

#: More than is judged with the interpreter's lock, and more than is looked into at once.
LONG = [20_000, 300_000]


def told(cloud: Cloud, answer: Answer) -> dict[str, Any]:
    """What the server says of a refusal."""
    assert answer.status == 403
    name = answer.header("x-block-id")
    # it is told of with the next beacon
    wait_for("the server has heard of it", lambda: name in _known(cloud), cloud.agents)
    return cloud.admin("GET", f"refusals/{name}")["refusal"]  # type: ignore[no-any-return]


def _known(cloud: Cloud) -> set[str]:
    return {one["id"] for one in cloud.admin("GET", "refusals")["refusals"]}


def test_findings_name_their_route_and_the_exception_that_is_printed_lets_pass(
    kind: Kind, cloud: Cloud, start: Start
) -> None:
    host = start(kind, cloud_url=cloud.url, security={"SECURITY_CHECKS": {"sqli": 1}})
    host.registered(cloud)
    route = ITEM[kind.platform]
    by_query = told(cloud, host.get(f"/items/7?{ATTACK}", host.stranger()))
    assert (by_query["method"], by_query["route"], by_query["status"]) == ("GET", route, 403)
    exception = {"rule": by_query["rule"], "place": "query:note", "route": route}
    assert by_query["exception"] == exception

    bodies = [ATTACK.encode()]
    bodies += [b"field=words&" * (length // 12) + ATTACK.encode() for length in LONG]
    for body in bodies:
        by_body = told(cloud, host.post("/echo", FORM, body, host.stranger()))
        assert (by_body["method"], by_body["route"]) == ("POST", "/echo"), len(body)
        assert by_body["exception"]["route"] == "/echo"
    nowhere = told(cloud, host.get(f"/nowhere?{ATTACK}", host.stranger()))
    assert "route" not in nowhere and nowhere["exception"]["network"], "that client alone"
    host.status("/", ANOTHER)
    assert f'route="{route}"' in host.program.written(), "the log names it, with the next call"

    cloud.configure(EXCEPTIONS=[exception])
    host.wait_until("it lets pass", lambda: host.status(f"/items/7?{ATTACK}", ANOTHER) == 200)
    assert host.status(f"/login?{ATTACK}", ANOTHER) == 403, "on no other route"
    assert host.status(f"/items/7?{ATTACK.replace('note', 'q')}", ANOTHER) == 403, "nowhere else"


def test_the_agent_says_why_by_route() -> None:
    agent = Agent()
    asked: list[str] = []

    def route(environ: dict[str, Any]) -> str:
        asked.append(environ["PATH_INFO"])
        return "/items/<id>"

    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"welcome"]

    guarded = wsgi.Middleware(application, agent, resolve=route)
    try:
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/items/7", "REMOTE_ADDR": ANOTHER}
        list(guarded(environ, lambda status, headers, exc_info=None: None))
        body = b"note=" + b"lorem " * 4000
        form = {"REQUEST_METHOD": "POST", "CONTENT_TYPE": "application/x-www-form-urlencoded"}
        sent = {"CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)}
        list(guarded(environ | form | sent, lambda status, headers, exc_info=None: None))
        assert asked == [], "it is no cost of a request in which nothing is found"
        attack = environ | {"QUERY_STRING": ATTACK}
        list(guarded(attack, lambda status, headers, exc_info=None: None))
        why = agent.why(attack["buckler.refusal"].id)
        assert why is not None and why["route"] == "/items/<id>"
        assert why["exception"]["route"] == "/items/<id>"
        assert asked == ["/items/7"], "once for a request"
    finally:
        agent.stop()


#: The value in every attack: no byte of it may be told. What follows it in a value may be its end.
SECRET = "correct-horse"

#: Names of what is a secret, as forms, documents, cookies and headers have them.
SECRETS = ("password", "pwd", "token", "authorization", "api_key", "card", "cvv", "X-Api-Key")


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """All that reaches a host's logging."""
    lines: list[str] = []
    logger = logging.Logger("buckler", logging.DEBUG)
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logger.addHandler(handler)
    monkeypatch.setattr(_logs, "_logger", logger)
    yield lines


def test_no_secret_is_logged_or_told(cloud: Cloud, logged: list[str]) -> None:
    value = f"{SECRET}' OR '1'='1"
    encoded = f"{SECRET}'+OR+'1'%3D'1"
    # each by itself, so that none is banned for another's
    security = {"SECURITY_CHECKS": {"sqli": 1, "flood": 0}, "VERBOSE": 100}
    cloud.configure(**security)
    agent = Agent(params=security, cloud_url=cloud.url, key=KEY)

    def application(environ, start_response):
        environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"welcome"]

    guarded = wsgi.Middleware(application, agent)
    names: list[str] = []
    try:
        for row, name in enumerate(SECRETS):
            document = json.dumps({"user": {name: {"old": [value]}}})
            header = f"HTTP_{name.upper().replace('-', '_')}"
            requests: tuple[dict[str, Any], ...] = (
                {"QUERY_STRING": f"page=2&{name}={encoded}"},
                {header: value},
                {"HTTP_COOKIE": f"theme=dark; {name}={value}"},
                {"PATH_INFO": f"/reset/{name}/{SECRET}' OR '1'='1"},
                _posted(FORM, f"page=2&{name}={encoded}"),
                _posted("application/json", document),
            )
            for column, asked in enumerate(requests):
                client = f"198.51.{row}.{column}"
                environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "REMOTE_ADDR": client}
                environ |= {"wsgi.input": io.BytesIO()} | asked
                page = b"".join(guarded(environ, lambda status, headers, exc_info=None: None))
                refusal = environ.get("buckler.refusal")
                assert refusal is not None, asked
                why = json.dumps(agent.why(refusal.id))
                assert_clean(f"{asked}", page.decode() + why + repr(refusal.headers))
                names.append(refusal.id)

        def written() -> bool:
            # what the agent's thread has said is handed over with the next call
            said = json.dumps(agent.status())
            assert_clean("the status", said)
            log = "\n".join(logged)
            return all(name in log for name in names)

        wait_for("all are in the log", written, lambda: logged)
        log = "\n".join(logged)
        assert "bytes, not shown" in log
        assert_clean("the log", log)
        wait_for("the server has heard of all", lambda: set(names) <= _known(cloud), cloud.agents)
        for name in names:
            assert_clean("the server", json.dumps(cloud.admin("GET", f"refusals/{name}")))
    finally:
        agent.stop()
    assert_clean("the end", "\n".join(logged))


def _posted(kind: str, body: str) -> dict[str, Any]:
    sent = body.encode()
    about = {"CONTENT_TYPE": kind, "CONTENT_LENGTH": str(len(sent))}
    return {"REQUEST_METHOD": "POST", "wsgi.input": io.BytesIO(sent), **about}


def assert_clean(what: str, text: str) -> None:
    for part in ("correct", "horse", "'1'='1", KEY):
        at = text.find(part)
        assert at < 0, f"{what} holds a part of the secret: {text[max(at - 200, 0) : at + 200]}"

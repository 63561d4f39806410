"""Bodies that parsers read in different ways: an attack is refused in each of its disguises, in every host."""

from __future__ import annotations

import base64
import importlib.util
import inspect
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import buckler
import pytest
from conftest import Start
from rig.client import HOST
from rig.hosts import GCP, Kind
from rig.readings import ATTACK, SECURITY, Case, cases, is_refused, with_headers

#: Asks a host for a case; the answer's status, and its block id where it has one.
Ask = Callable[[Case], "tuple[int, str | None]"]


def passed(ask: Ask, all_of: Iterable[Case]) -> list[str]:
    """The cases that an application saw."""
    seen = []
    for case in all_of:
        status, block_id = ask(case)
        if not is_refused(status, block_id):
            seen.append(f"{case.about}: {status}")
    return seen


def over_sockets(kind: Kind, start: Start) -> Ask:
    host = start(kind, security=SECURITY)

    def ask(case: Case) -> tuple[int, str | None]:
        answer = host.ask(case.method, case.path, case.headers, case.body)
        return answer.status, answer.header("x-block-id")

    return ask


@pytest.fixture
def serving(kind: Kind, start: Start) -> Ask:
    return over_sockets(kind, start)


def test_every_disguise_is_refused(serving: Ask) -> None:
    assert passed(serving, cases()) == []


def test_no_header_hides_an_attack(serving: Ask) -> None:
    assert passed(serving, with_headers()) == []


def google(start: Start) -> Ask:
    pytest.importorskip("functions_framework", reason="functions-framework is not installed here")
    return over_sockets(GCP, start)


def aws(start: Start) -> Ask:
    """The event of an HTTP API, which puts headers of one name together."""
    rasp = buckler.LambdaRASP(params=SECURITY)

    @rasp.register
    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        return {"statusCode": 200, "body": event.get("body") or ""}

    def ask(case: Case) -> tuple[int, str | None]:
        path, _, query = case.path.partition("?")
        headers = {"host": HOST} | together(case)
        context = {
            "domainName": HOST,
            "http": {"method": case.method, "path": path, "sourceIp": "203.0.113.9"},
        }
        event = {
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": query,
            "headers": headers,
            "cookies": [headers.pop("cookie")] if "cookie" in headers else None,
            "requestContext": context,
            "body": base64.b64encode(case.body).decode(),
            "isBase64Encoded": True,
        }
        answer = handler(event, None)
        return answer["statusCode"], (answer.get("headers") or {}).get("x-block-id")

    return ask


def azure(start: Start) -> Ask:
    func = pytest.importorskip("azure.functions", reason="azure-functions is not installed here")
    rasp = buckler.AzureRASP(params=SECURITY)

    @rasp.register
    def shop(req: Any) -> Any:
        return func.HttpResponse(req.get_body())

    def ask(case: Case) -> tuple[int, str | None]:
        headers = {"host": HOST, "x-forwarded-for": "203.0.113.9:51234"} | together(case)
        url = f"https://{HOST}{case.path}"
        answer = shop(func.HttpRequest(case.method, url, headers=headers, body=case.body))
        return answer.status_code, answer.headers.get("x-block-id")

    return ask


def together(case: Case) -> dict[str, str]:
    """Headers as platforms hand them over: one of each name."""
    joined: dict[str, str] = {}
    for name, said in case.headers:
        name = name.lower()
        joined[name] = f"{joined[name]}, {said}" if name in joined else said
    return joined


#: Hosts of functions, by the class that guards them.
FUNCTIONS = {"GcpRASP": google, "LambdaRASP": aws, "AzureRASP": azure}


#: Paths that Google's framework answers by itself, before any function.
ANSWERED = ("/robots.txt", "/favicon.ico")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_refuse_every_disguise(name: str, start: Start) -> None:
    all_of = [case for case in cases() if name != "GcpRASP" or not case.path.startswith(ANSWERED)]
    assert passed(FUNCTIONS[name](start), all_of) == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_header_of_a_functions_request_hides_an_attack(name: str, start: Start) -> None:
    assert passed(FUNCTIONS[name](start), with_headers()) == []


def test_no_host_is_left_out() -> None:
    """Each class that guards something runs the table: applications on the servers of `rig.hosts`, functions here."""
    from rig.hosts import WHOLE

    guards = {
        name for name, _ in inspect.getmembers(buckler, inspect.isclass) if name.endswith("RASP")
    }
    frameworks = {f"{kind.platform}RASP".lower() for kind in WHOLE}
    assert {name.lower() for name in guards - set(FUNCTIONS)} == frameworks


def environ_of(**said: Any) -> dict[str, Any]:
    return {"REQUEST_METHOD": "POST", **said}


def test_framing_alone_says_whether_there_is_a_body_under_wsgi() -> None:
    from buckler._wsgi_body import has_body

    ended = {"wsgi.input_terminated": True}
    for said, expected in (
        ({"CONTENT_LENGTH": "5"}, True),
        ({"CONTENT_LENGTH": " 5 ", "HTTP_UPGRADE": "websocket"}, True),
        ({"CONTENT_LENGTH": "5", "REQUEST_METHOD": "GET"}, True),
        ({"HTTP_TRANSFER_ENCODING": "chunked", "HTTP_UPGRADE": "h2c", **ended}, True),
        ({"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": "0", **ended}, True),
        ({"HTTP_TRANSFER_ENCODING": "chunked"}, False),
        ({"CONTENT_LENGTH": "0"}, False),
        ({"CONTENT_LENGTH": ""}, False),
        ({"HTTP_UPGRADE": "websocket"}, False),
    ):
        assert has_body(environ_of(**said)) is expected, said


def test_framing_alone_says_whether_there_is_a_body_under_asgi() -> None:
    from buckler._asgi_body import has_body, length_of

    chunked, none, five = (
        (b"transfer-encoding", b"chunked"),
        (b"content-length", b"0"),
        (b"content-length", b"5"),
    )
    for version, headers, expected, length in (
        ("1.1", [five, (b"upgrade", b"websocket")], True, 5),
        ("1.1", [none, chunked], True, None),
        ("1.1", [five, chunked], True, None),
        ("1.1", [none], False, 0),
        ("1.1", [], False, None),
        ("2", [], True, None),
    ):
        scope = {"method": "GET", "http_version": version, "headers": headers}
        assert (has_body(scope), length_of(scope)) == (expected, length), (version, headers)

"""Middlewares around the guard find its refusals: in WSGI's environment, and in ASGI's scope."""

from __future__ import annotations

import asyncio
import io
from typing import Any, Iterator

import pytest
from buckler import Agent, Refusal, asgi, wsgi
from rig.client import ANOTHER, CLIENT, DECOY

ATTACK = b"name=1' OR '1'='1"


@pytest.fixture
def agent() -> Iterator[Agent]:
    made = Agent()
    yield made
    made.stop()


def environ_of(path: str, client: str, body: bytes = b"") -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "POST" if body else "GET",
        "PATH_INFO": path,
        "REMOTE_ADDR": client,
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": Stream(body),
    }


class Stream:
    """A server's: it says how much of it was read."""

    def __init__(self, body: bytes) -> None:
        self._body = io.BytesIO(body)

    def read(self, size: int) -> bytes:
        return self._body.read(size)

    def left(self) -> int:
        return len(self._body.getvalue()) - self._body.tell()


def through_wsgi(
    agent: Agent, path: str, client: str, body: bytes = b""
) -> tuple[int, dict[str, Any]]:
    """The status that goes out, and the environment after it."""

    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"welcome"]

    told: list[str] = []
    environ = environ_of(path, client, body)
    guarded = wsgi.Middleware(application, agent)
    list(guarded(environ, lambda status, headers, exc_info=None: told.append(status)))
    return int(told[0].split()[0]), environ


def through_asgi(
    agent: Agent, path: str, client: str, body: bytes = b""
) -> tuple[int, dict[str, Any]]:
    """The same for a scope."""

    async def application(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"welcome"})

    pieces = [body[at : at + 20_000] for at in range(0, len(body), 20_000)] or [b""]
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    messages[-1]["more_body"] = False
    sent: list[dict[str, Any]] = []

    async def receive():
        return messages.pop(0)

    async def send(message):
        sent.append(message)

    form = b"application/x-www-form-urlencoded"
    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST" if body else "GET",
        "path": path,
        "query_string": b"",
        "headers": [(b"content-type", form), (b"content-length", b"%d" % len(body))],
        "client": (client, 1),
    }
    asyncio.run(asgi.Middleware(application, agent)(scope, receive, send))
    scope["left"] = len(messages)
    return sent[0]["status"], scope


@pytest.mark.parametrize("through", [through_wsgi, through_asgi])
def test_middlewares_around_the_guard_find_the_refusal(agent: Agent, through: Any) -> None:
    status, seen = through(agent, "/", ANOTHER)
    assert (status, seen.get("buckler.refusal")) == (200, None)
    for path, body in ((DECOY, b""), ("/", ATTACK)):
        status, seen = through(agent, path, CLIENT, body)
        refusal = seen["buckler.refusal"]
        assert isinstance(refusal, Refusal)
        assert (status, refusal.status) == (403, 403)
        assert ("x-block-id", refusal.id) in refusal.headers
        why = agent.why(refusal.id)
        assert why is not None and why["id"] == refusal.id


@pytest.mark.parametrize("beginning", [b"a=1&", ATTACK + b"&"])
def test_what_a_refused_request_still_sends_is_read(agent: Agent, beginning: bytes) -> None:
    path = "/" if beginning.startswith(ATTACK) else DECOY
    body = beginning + b"x" * 300_000
    status, environ = through_wsgi(agent, path, CLIENT, body)
    stream = environ["wsgi.input"]
    left = stream.left() if isinstance(stream, Stream) else stream.unseen()[0].left()
    assert (status, left) == (403, 0)
    status, scope = through_asgi(agent, path, ANOTHER, body)
    assert (status, scope["left"]) == (403, 0)

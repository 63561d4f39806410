"""ASGI middleware: for FastAPI, Starlette, and for whatever else speaks ASGI.

::

    from buckler.asgi import Middleware

    app = Middleware(app, cloud_url="https://cloud.example.com/config", key="0b7e2d54")

What it does to a request:

- Before the application sees it, the guard judges address, host, path, query and headers, and then the beginning of its body. A refused
  request gets the configured answer. A WebSocket is judged by its handshake; what happens in it is not seen.
- The application gets the body byte for byte, in the same messages: what was looked at is shown to it again. A body of a known length is
  waited for up to its end or its first 64 KiB; one of unknown length, or a longer one, at most a second after its first piece, and the
  application then gets what there is. Nothing is read where no check looks into bodies.
- When the application begins to answer, the status is counted, and a 404 or 410 for which there was no route is judged by its path;
  nothing of the answer has been sent then, so that it can be replaced. Where the ``dlp`` check is on, the beginning of a text (64 KiB) is
  judged before any of it is sent; of a stream whose length is unknown, its first piece.
- When the server shuts the application down (``lifespan``), the agent tells its own server what that does not know yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ._agent import Agent
from ._answer import MOST_CHUNKS, has_content
from ._buckler import Refusal, Request
from ._failure import failed, tell

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Resolve = Callable[[Scope], bool]

# how long the rest of a body is waited for that may never end, in seconds: no longer than a person would notice
PATIENCE = 1.0


class Middleware:
    """Guards an ASGI application.

    :param app: the application
    :param agent: the agent; without one, the other parameters, which are :class:`buckler.Agent`'s, make one
    :param resolve: tells from the scope whether the application has a route. It is asked for probes and for answers 404 and 410 only
    """

    def __init__(
        self,
        app: Application,
        agent: Agent | None = None,
        *,
        resolve: Resolve | None = None,
        **said: Any,
    ) -> None:
        if agent is None:
            agent = Agent(**{"platform": "ASGI", **said})
        elif said:
            raise TypeError(
                f"an agent is given already, so that {', '.join(said)} would say nothing"
            )
        self.app = app
        self.agent = agent
        self.resolve = _harmless(resolve) if resolve else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "lifespan":
            await self._live(scope, receive, send)
        elif kind in ("http", "websocket"):
            await self._serve(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            # rather now than with the first request: this is the process that will serve
            self.agent.start()
        except Exception:
            tell("the start of the agent")

        async def send_on(message: Message) -> None:
            # the server ends the process as soon as it has this
            if message["type"].startswith("lifespan.shutdown"):
                self._stop()
            await send(message)

        await self.app(scope, receive, send_on)

    def _stop(self) -> None:
        try:
            self.agent.stop()
        except Exception:
            tell("the end of the agent")

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        agent = self.agent
        is_http = scope["type"] == "http"
        wanted = None
        try:
            request = Request.from_asgi(scope)  # type: ignore[arg-type]
            refusal = agent.check(request, self.resolve, scope)
            if refusal is None and is_http and _has_body(scope):
                wanted = agent.wants_body(request)
        except Exception:
            refusal = failed(agent, "the check of a request")
            if refusal is None:
                await self.app(scope, receive, send)
                return
            request = None
        if wanted is not None and request is not None:
            peek = _Peek(receive)
            await peek.read(wanted, _length(scope))
            receive = peek.receive
            try:
                refusal = agent.check_body(request, *peek.beginning(wanted))
            except Exception:
                refusal = failed(agent, "the check of a body")
        if refusal is not None:
            await _refuse(refusal, scope, receive, send)
        elif request is not None:
            answer = _Answer(self, request, scope, send)
            await self.app(scope, receive, answer.send_http if is_http else answer.send_websocket)


def _has_body(scope: Scope) -> bool:
    """Whether a request announces a body. HTTP/2 and 3 announce none: there, methods that have one by their nature are asked."""
    headers = scope["headers"]
    for name, value in headers:
        if name == b"content-length":
            return bool(value.strip(b"0 "))
        if name == b"transfer-encoding":
            return True
    is_http1 = str(scope.get("http_version", "1.1")).startswith("1")
    return not is_http1 and scope["method"] not in ("GET", "HEAD", "OPTIONS", "TRACE", "CONNECT")


def _length(scope: Scope) -> int | None:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else None
    return None


async def _refuse(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with a refusal; a WebSocket's handshake too, where the server can, and else by closing it."""
    headers = [(name.encode(), value.encode()) for name, value in refusal.headers]
    prefix = "http"
    if scope["type"] == "websocket":
        await receive()
        if "websocket.http.response" not in (scope.get("extensions") or {}):
            await send({"type": "websocket.close", "code": 1008, "reason": ""})
            return
        prefix = "websocket.http"
    await send({"type": f"{prefix}.response.start", "status": refusal.status, "headers": headers})
    body = b"" if scope.get("method") == "HEAD" else refusal.body
    await send({"type": f"{prefix}.response.body", "body": body})


def _harmless(resolve: Resolve) -> Resolve:
    """Whether there is a route is not known where the framework fails to say."""

    def resolved(scope: Scope) -> bool:
        try:
            return resolve(scope)
        except Exception:
            tell("the look-up of a route")
            return False

    return resolved


class _Peek:
    """The messages of a request of which the first were looked at."""

    __slots__ = ("_error", "_from_server", "_is_whole", "_pending", "_seen")

    def __init__(self, receive: Receive) -> None:
        self._from_server = receive
        self._seen: list[Message] = []
        self._pending: asyncio.Future[Message] | None = None
        self._error: Exception | None = None
        self._is_whole = False

    async def read(self, wanted: int, length: int | None) -> None:
        """Looks at messages until so many bytes of body have come, or its end."""
        is_short = length is not None and length <= wanted
        seen = 0
        while seen < wanted and len(self._seen) < MOST_CHUNKS:
            message = await self._next(patient=is_short or not seen)
            if message is None:
                return
            self._seen.append(message)
            seen += len(message.get("body") or b"")
            if message["type"] != "http.request":
                return
            if not message.get("more_body"):
                self._is_whole = True
                return

    async def _next(self, patient: bool) -> Message | None:
        """The next message; nothing where it failed, or takes too long."""
        try:
            if patient:
                return await self._from_server()
            # it is not cancelled where it takes too long: a message must not be lost
            self._pending = asyncio.ensure_future(self._from_server())
            await asyncio.wait({self._pending}, timeout=PATIENCE)
            if not self._pending.done():
                return None
            pending, self._pending = self._pending, None
            return pending.result()
        except Exception as error:
            self._error = error
            return None

    def beginning(self, wanted: int) -> tuple[bytes, bool]:
        """The bytes that were seen, and whether they are all."""
        seen = b"".join(message.get("body") or b"" for message in self._seen)
        return seen[:wanted], self._is_whole and len(seen) <= wanted

    async def receive(self) -> Message:
        """The application's ``receive``."""
        if self._seen:
            return self._seen.pop(0)
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        if self._pending is not None:
            # an application that gives up waiting may ask again
            message = await asyncio.shield(self._pending)
            self._pending = None
            return message
        return await self._from_server()


class _Answer:
    """An answer on its way: its start is held back until it is judged."""

    __slots__ = (
        "_held",
        "_is_refused",
        "_is_sent",
        "_length",
        "_middleware",
        "_request",
        "_scope",
        "_send",
        "_start",
        "_wanted",
    )

    def __init__(self, middleware: Middleware, request: Request, scope: Scope, send: Send) -> None:
        self._middleware = middleware
        self._request = request
        self._scope = scope
        self._send = send
        self._start: Message | None = None
        self._held: list[Message] = []
        self._wanted: int | None = None
        self._length = 0
        self._is_sent = False
        self._is_refused = False

    async def send_http(self, message: Message) -> None:
        """The application's ``send``."""
        if self._is_sent:
            await self._send(message)
        elif self._is_refused:
            return
        elif self._start is None:
            if message["type"] != "http.response.start":
                await self._send(message)
                return
            self._start = message
            self._wanted = self._look_for(message)
            if self._wanted is None:
                await self._go()
        else:
            self._held.append(message)
            if self._is_enough(message):
                await self._go()

    async def send_websocket(self, message: Message) -> None:
        """The application's ``send`` where it may become a conversation: counts how the handshake is answered."""
        if not self._is_sent:
            statuses = {"websocket.accept": 101, "websocket.close": 403}
            status = statuses.get(message["type"], message.get("status"))
            if status is not None:
                self._is_sent = True
                self._judge(status, None)
        await self._send(message)

    def _look_for(self, start: Message) -> int | None:
        """How much of the body is to be looked into."""
        kind = encoding = ""
        try:
            for name, value in start.get("headers") or ():
                lower = name.lower()
                if lower == b"content-type":
                    kind = value.decode("latin-1")
                elif lower == b"content-encoding":
                    encoding = value.decode("latin-1")
            if not kind or not has_content(self._request.method, start["status"]):
                return None
            return self._middleware.agent.wants_answer(self._request, kind, encoding)
        except Exception:
            tell("the check of an answer")
            return None

    def _is_enough(self, message: Message) -> bool:
        """Whether no more is to be held back: a stream is not waited for after its first piece."""
        if message["type"] != "http.response.body" or not message.get("more_body"):
            return True
        self._length += len(message.get("body") or b"")
        is_known = any(
            name.lower() == b"content-length" for name, _ in (self._start or {}).get("headers", ())
        )
        return (
            self._length >= (self._wanted or 0)
            or len(self._held) >= MOST_CHUNKS
            or (self._length > 0 and not is_known)
        )

    async def _go(self) -> None:
        """Judges, and sends the answer or a refusal."""
        start = self._start or {}
        refusal = self._judge(start["status"], self._wanted)
        if refusal is not None:
            self._is_refused = True
            self._held.clear()
            await _refuse(refusal, self._scope, _nothing, self._send)
            return
        name = self._middleware.agent.server_header()
        if name is not None:
            others = [pair for pair in start.get("headers") or () if pair[0].lower() != b"server"]
            start = {**start, "headers": [*others, (b"server", name.encode("latin-1", "replace"))]}
        self._is_sent = True
        await self._send(start)
        for message in self._held:
            await self._send(message)
        self._held.clear()

    def _judge(self, status: int, wanted: int | None) -> Refusal | None:
        middleware = self._middleware
        agent = middleware.agent
        try:
            if wanted is not None:
                refusal = agent.check_answer(self._request, *self._beginning(wanted))
                if refusal is not None:
                    return refusal
            return agent.check_response(self._request, status, middleware.resolve, self._scope)
        except Exception:
            return failed(agent, "the check of an answer")

    def _beginning(self, wanted: int) -> tuple[bytes, bool]:
        seen = b"".join(message.get("body") or b"" for message in self._held)
        is_end = bool(self._held) and not self._held[-1].get("more_body")
        return seen[:wanted], is_end and len(seen) <= wanted


async def _nothing() -> Message:
    return {"type": "http.disconnect"}

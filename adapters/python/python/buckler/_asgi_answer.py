"""An ASGI application's answer on its way to the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._answer import MOST_CHUNKS, REFUSAL, has_content
from ._asgi_body import Message, Receive, Scope, Send
from ._buckler import Refusal, Request
from ._failure import failed, tell
from ._watch import Watch

if TYPE_CHECKING:
    from .asgi import Middleware


async def refuse(
    refusal: Refusal, scope: Scope, receive: Receive, send: Send, *, is_last: bool = False
) -> None:
    """Answers with a refusal, which middlewares around this one find in the scope; a WebSocket's handshake too, where the server can, and
    else by closing it. No request follows the last."""
    scope[REFUSAL] = refusal
    headers = [(name.encode(), value.encode()) for name, value in refusal.headers]
    if is_last:
        headers.append((b"connection", b"close"))
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


class Answer:
    """An answer on its way: its start is held back until it is judged."""

    __slots__ = (
        "_asked",
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
        "_watch",
    )

    def __init__(
        self,
        middleware: Middleware,
        request: Request,
        watch: Watch | None,
        scopes: tuple[Scope, Scope],
        send: Send,
    ) -> None:
        self._middleware = middleware
        self._request = request
        self._watch = watch
        # what is written to, and what the route is asked for of
        self._scope, self._asked = scopes
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
        elif self._is_refused or self.late() is not None:
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

    def late(self) -> Refusal | None:
        """The refusal of a body that the application was reading already, where nothing has been sent yet: it goes out once the
        application is done."""
        is_open = not self._is_sent and not self._is_refused
        return self._watch.refusal if is_open and self._watch is not None else None

    def broke(self) -> None:
        """The application raised: servers answer that with a 500."""
        if not self._is_sent and not self._is_refused:
            self._is_sent = True
            self._judge(500, None)

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
            await refuse(refusal, self._scope, _nothing, self._send)
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
                beginning, is_whole = self._beginning(wanted)
                refusal = agent.check_answer(
                    self._request, beginning, is_whole, middleware.resolve, self._asked
                )
                if refusal is not None:
                    return refusal
            return agent.check_response(self._request, status, middleware.resolve, self._asked)
        except Exception:
            return failed(agent, "the check of an answer")

    def _beginning(self, wanted: int) -> tuple[bytes, bool]:
        seen = b"".join(message.get("body") or b"" for message in self._held)
        is_end = bool(self._held) and not self._held[-1].get("more_body")
        return seen[:wanted], is_end and len(seen) <= wanted


async def _nothing() -> Message:
    return {"type": "http.disconnect"}

"""The messages of ASGI, and a look at those that carry a request's body."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ._answer import MOST_CHUNKS
from ._buckler import Refusal
from ._drain import LONGEST, MOST
from ._watch import Watch

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# how long the rest of a body is waited for that may never end, in seconds: no longer than a person would notice
PATIENCE = 1.0


class Peek:
    """The messages of a request of which the first were looked at, and of which the others are as the application asks for them."""

    __slots__ = ("_error", "_from_server", "_is_over", "_pending", "_seen", "_watch")

    def __init__(self, receive: Receive, watch: Watch) -> None:
        self._from_server = receive
        self._watch = watch
        self._seen: list[Message] = []
        self._pending: asyncio.Future[Message] | None = None
        self._error: Exception | None = None
        self._is_over = False

    async def look(self, length: int | None) -> Refusal | None:
        """Judges the beginning of a body, once so many bytes have come, or its end. One that is slow is judged as it is read."""
        watch = self._watch
        is_short = length is not None and length <= watch.wanted
        seen = 0
        while seen < watch.wanted:
            if len(self._seen) >= MOST_CHUNKS:
                return self._look_later()
            message = await self._next(patient=is_short or not seen)
            if message is None:
                if self._error is None:
                    return self._look_later()
                break
            self._seen.append(message)
            seen += len(message.get("body") or b"")
            if not _goes_on(message):
                self._is_over = True
                break
        is_whole = self._is_over and self._seen[-1]["type"] == "http.request"
        return watch.begin(b"".join(map(_body, self._seen)), is_whole)

    def _look_later(self) -> Refusal | None:
        for message in self._seen:
            self._watch.see(_body(message), False)
        return self._watch.refusal

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

    async def receive(self) -> Message:
        """The application's ``receive``. In the place of what is refused it finds the client gone."""
        if self._seen:
            return self._seen.pop(0)
        message = await self.unseen()
        watch = self._watch
        if not watch.is_over and message["type"] == "http.request":
            watch.see(_body(message), not message.get("more_body"))
        return {"type": "http.disconnect"} if watch.refusal is not None else message

    async def unseen(self) -> Message:
        """The next message that was not looked at."""
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        if self._pending is None:
            message = await self._from_server()
        else:
            # an application that gives up waiting may ask again
            message = await asyncio.shield(self._pending)
            self._pending = None
        self._is_over = self._is_over or not _goes_on(message)
        return message

    async def drain(self) -> bool:
        """Reads what is left, see :mod:`buckler._drain`, and throws it away; whether that was all."""
        return self._is_over or await drain(self.unseen)


async def drain(receive: Receive) -> bool:
    """Reads a body within bounds, and throws it away; whether that was all."""
    try:
        return await asyncio.wait_for(_drained(receive), LONGEST)
    except Exception:
        # the client is gone, or too slow
        return False


async def _drained(receive: Receive) -> bool:
    left = MOST
    while left > 0:
        message = await receive()
        if not _goes_on(message):
            return True
        left -= len(_body(message))
    return False


def _goes_on(message: Message) -> bool:
    return message["type"] == "http.request" and bool(message.get("more_body"))


def _body(message: Message) -> bytes:
    return message.get("body") or b""


def has_body(scope: Scope) -> bool:
    """Whether a request announces a body, by its framing alone. HTTP/2 and 3 announce none: there, the first message tells."""
    if not _is_http1(scope):
        return scope["method"] != "CONNECT"
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0 "))
        for name, value in scope["headers"]
    )


def is_awaited(scope: Scope) -> bool:
    """Whether a connection breaks where the body of a request is not read: later versions of HTTP reset a stream alone, and a client that
    waits to be told to go on sends nothing before it is read."""
    return (
        scope["type"] == "http"
        and _is_http1(scope)
        and has_body(scope)
        and all(name != b"expect" for name, _ in scope["headers"])
    )


def length_of(scope: Scope) -> int | None:
    """The length of a body, where it is announced; one in chunks has none that counts."""
    length = None
    for name, value in scope["headers"]:
        if name == b"transfer-encoding":
            return None
        if name == b"content-length" and length is None:
            length = int(value) if value.isdigit() else None
    return length


def _is_http1(scope: Scope) -> bool:
    return str(scope.get("http_version", "1.1")).startswith("1")

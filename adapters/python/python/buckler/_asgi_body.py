"""The messages of ASGI, and a look at the first of them that carry a request's body."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ._answer import MOST_CHUNKS

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# how long the rest of a body is waited for that may never end, in seconds: no longer than a person would notice
PATIENCE = 1.0


class Peek:
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

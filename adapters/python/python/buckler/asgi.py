"""ASGI middleware: for FastAPI, Starlette, and for whatever else speaks ASGI.

::

    from buckler.asgi import Middleware

    app = Middleware(app, cloud_url="https://cloud.example.com/config", key="0b7e2d54")

What it does to a request:

- Before the application sees it, the guard judges address, host, path, query and headers, and then the beginning of its body. A refused
  request gets the configured answer. A WebSocket is judged by its handshake; what happens in it is not seen.
- The application gets the body byte for byte, in the same messages: what was looked at is shown to it again. A body of a known length is
  waited for up to its end or its first 64 KiB; one of unknown length, or a longer one, at most a second after its first piece, and the
  application then gets what there is. What was not looked into by then is, as the application reads it: where an attack is found there,
  the application finds the client gone, and its answer is replaced. Nothing is read where no check looks into bodies.
- Of a refused request the rest of the body is read and thrown away, within bounds, so that proxies find the answer. ``buckler.refusal``
  in the scope is the :class:`buckler.Refusal`, for middlewares around this one: ``id`` and ``status``.
- When the application begins to answer, the status is counted, and a 404 or 410 for which there was no route is judged by its path;
  nothing of the answer has been sent then, so that it can be replaced. Where the ``dlp`` check is on, the beginning of a text (64 KiB) is
  judged before any of it is sent; of a stream whose length is unknown, its first piece.
- An exception of the application's goes on to the server, and is counted as a 500.
- When the server shuts the application down (``lifespan``), the agent tells its own server what that does not know yet.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from ._agent import Agent, agent_for
from ._asgi_answer import Answer, refuse
from ._asgi_body import (
    Message,
    Peek,
    Receive,
    Scope,
    Send,
    drain,
    has_body,
    is_awaited,
    length_of,
)
from ._buckler import Refusal, Request
from ._failure import failed, tell
from ._routes import Found, harmless
from ._watch import Watch

Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Resolve = Callable[[Scope], Found]


class Middleware:
    """Guards an ASGI application.

    :param app: the application
    :param agent: the agent; without one, the other parameters, which are :class:`buckler.Agent`'s, make one
    :param resolve: tells from the scope the pattern of the application's route
        (``/items/{id}``), or whether there is one. It is asked for probes, for answers 404 and 410,
        and where something is found, which is then told with its route
    """

    def __init__(
        self,
        app: Application,
        agent: Agent | None = None,
        *,
        resolve: Resolve | None = None,
        **said: Any,
    ) -> None:
        self.app = app
        self.agent = agent_for(agent, "ASGI", said)
        self.resolve = harmless(resolve) if resolve else None

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
        peek = watch = None
        try:
            request = Request.from_asgi(scope)  # type: ignore[arg-type]
            # applications that are mounted write in the scope what is left of the path: the route
            # is asked for of what came
            asked = dict(scope) if self.resolve else scope
            refusal = agent.check(request, self.resolve, scope)
            if refusal is None and is_http and has_body(scope):
                wanted = agent.wants_body(request)
                if wanted is not None:
                    watch = Watch(agent, request, wanted, self.resolve, asked)
        except Exception:
            refusal = failed(agent, "the check of a request")
            if refusal is None:
                await self.app(scope, receive, send)
                return
        if watch is not None:
            peek = Peek(receive, watch)
            receive = peek.receive
            refusal = await peek.look(length_of(scope))
        if refusal is not None:
            await self._refuse(refusal, scope, receive, peek, send)
            return
        answer = Answer(self, request, watch, (scope, asked), send)
        send_on = answer.send_http if is_http else answer.send_websocket
        try:
            await self.app(scope, receive, send_on)
        except Exception:
            if answer.late() is None:
                answer.broke()
                raise
        late = answer.late()
        if late is not None:
            await self._refuse(late, scope, receive, peek, send)

    async def _refuse(
        self, refusal: Refusal, scope: Scope, receive: Receive, peek: Peek | None, send: Send
    ) -> None:
        """Answers with a refusal, once the request is read: the connection closes where it is not."""
        is_read = True
        if is_awaited(scope):
            is_read = await (drain(receive) if peek is None else peek.drain())
        await refuse(refusal, scope, receive, send, is_last=not is_read)

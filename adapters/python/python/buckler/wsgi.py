"""WSGI middleware: for Flask, and for whatever else speaks WSGI.

::

    from buckler.wsgi import Middleware

    application = Middleware(application, cloud_url="https://cloud.example.com/config", key="0b7e2d54")

What it does to a request:

- Before the application sees it, the guard judges address, host, path, query and headers, and then the beginning of its body. A refused
  request gets the configured answer.
- The application gets the body byte for byte: what was looked at is shown to it again. At most 64 KiB are waited for, and nothing where
  the request announces no body. Nothing is read where no check looks into bodies.
- When the application has begun to answer, the status is counted, and a 404 or 410 for which there was no route is judged by its path;
  nothing of the answer has been sent then, so that it can be replaced. Where the ``dlp`` check is on, the beginning of a text (64 KiB) is
  judged before any of it is sent; of a stream whose length is unknown, its first piece.
- An exception of the application's goes on to the server, and is counted as a 500.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Any

from ._agent import Agent, agent_for
from ._body import Replay
from ._buckler import Refusal, Request
from ._failure import failed
from ._routes import harmless
from ._wsgi_answer import Answer, Environ, StartResponse, refuse

Application = Callable[[Environ, StartResponse], Iterable[bytes]]
Resolve = Callable[[Environ], bool]


class Middleware:
    """Guards a WSGI application.

    :param app: the application
    :param agent: the agent; without one, the other parameters, which are :class:`buckler.Agent`'s, make one
    :param resolve: tells from the environment whether the application has a route. It is asked for probes and for answers 404 and 410 only
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
        self.agent = agent_for(agent, "WSGI", said)
        self.resolve = harmless(resolve) if resolve else None

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        agent = self.agent
        try:
            request = Request.from_wsgi(environ)
            refusal = agent.check(request, self.resolve, environ)
            if refusal is None and has_body(environ):
                refusal = check_body(agent, request, environ)
        except Exception:
            refusal = failed(agent, "the check of a request")
            if refusal is None:
                return self.app(environ, start_response)
        if refusal is not None:
            return refuse(refusal, environ, start_response)
        answer = Answer(self, request, environ, start_response)
        try:
            body = self.app(environ, answer.start)
        except Exception:
            answer.broke()
            raise
        return answer.of(body)


def has_body(environ: Environ) -> bool:
    """Whether a request announces a body that can be waited for: not one of a conversation, where the client waits for us."""
    length = environ.get("CONTENT_LENGTH") or "0"
    is_announced = length.isdecimal() and int(length) > 0
    if not is_announced and not (
        "HTTP_TRANSFER_ENCODING" in environ and environ.get("wsgi.input_terminated")
    ):
        return False
    return environ["REQUEST_METHOD"] != "CONNECT" and "HTTP_UPGRADE" not in environ


def check_body(agent: Agent, request: Request, environ: Environ) -> Refusal | None:
    """Judges the beginning of a body, and puts it back."""
    wanted = agent.wants_body(request)
    return None if wanted is None else agent.check_body(request, *peek(environ, wanted))


def peek(environ: Environ, wanted: int) -> tuple[bytes, bool]:
    """The beginning of a body, which is put back, and whether it is all of it."""
    stream = environ["wsgi.input"]
    length = int(environ.get("CONTENT_LENGTH") or 0)
    most = min(wanted, length) if length else wanted
    beginning, error = _read(stream, most)
    is_end = len(beginning) == length if length else len(beginning) < most
    is_whole = error is None and is_end
    environ["wsgi.input"] = io.BytesIO(beginning) if is_whole else Replay(beginning, stream, error)
    return beginning, is_whole


def _read(stream: Any, most: int) -> tuple[bytes, Exception | None]:
    """So many bytes, or as many as there are, and the error that ended them."""
    pieces: list[bytes] = []
    length = 0
    try:
        while length < most:
            piece = stream.read(most - length)
            if not piece:
                break
            pieces.append(piece)
            length += len(piece)
    except Exception as error:
        return b"".join(pieces), error
    return b"".join(pieces), None

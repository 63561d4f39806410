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
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ._agent import Agent
from ._answer import MOST_CHUNKS, has_content, reason
from ._body import Replay
from ._buckler import Refusal, Request
from ._failure import failed, tell

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
StartResponse = Callable[..., Callable[[bytes], object]]
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
        if agent is None:
            agent = Agent(**{"platform": "WSGI", **said})
        elif said:
            raise TypeError(
                f"an agent is given already, so that {', '.join(said)} would say nothing"
            )
        self.app = app
        self.agent = agent
        self.resolve = _harmless(resolve) if resolve else None

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
        answer = _Answer(self, request, environ, start_response)
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


def refuse(refusal: Refusal, environ: Environ, start_response: StartResponse) -> list[bytes]:
    """Answers with a refusal."""
    start_response(f"{refusal.status} {reason(refusal.status)}", list(refusal.headers))
    return [] if environ.get("REQUEST_METHOD") == "HEAD" else [refusal.body]


def _harmless(resolve: Resolve) -> Resolve:
    """Whether there is a route is not known where the framework fails to say."""

    def resolved(environ: Environ) -> bool:
        try:
            return resolve(environ)
        except Exception:
            tell("the look-up of a route")
            return False

    return resolved


class _Answer:
    """An answer on its way: held back until it is judged."""

    __slots__ = (
        "environ",
        "exc_info",
        "headers",
        "is_sent",
        "middleware",
        "refusal",
        "request",
        "start_response",
        "status",
        "write_on",
    )

    def __init__(
        self,
        middleware: Middleware,
        request: Request,
        environ: Environ,
        start_response: StartResponse,
    ) -> None:
        self.middleware = middleware
        self.request = request
        self.environ = environ
        self.start_response = start_response
        self.status: str | None = None
        self.headers: Headers = []
        self.exc_info: Any = None
        self.is_sent = False
        self.refusal: Refusal | None = None
        self.write_on: Callable[[bytes], object] | None = None

    def start(
        self, status: str, headers: Headers, exc_info: Any = None
    ) -> Callable[[bytes], object]:
        """The application's ``start_response``."""
        if self.is_sent:
            return self._start(status, headers, exc_info)
        if self.status is not None and exc_info is None:
            raise AssertionError("start_response was called twice without exc_info")
        self.status, self.headers, self.exc_info = status, headers, exc_info
        return self.write

    def write(self, piece: bytes) -> None:
        """What ``start_response`` returns: an application that calls it sends its answer then and there."""
        if not self.is_sent and self.refusal is None:
            self.refusal = self._judged([piece], False)
            if self.refusal is None:
                self._send()
        if self.refusal is None and self.write_on is not None:
            self.write_on(piece)

    def of(self, body: Iterable[bytes]) -> Iterable[bytes]:
        """The answer that goes out for what the application returned."""
        held: list[bytes] = []
        rest: Iterator[bytes] | None = None
        try:
            if self.status is None:
                rest = iter(body)
                self._begin(rest, held)
            if self.is_sent or self.status is None:
                return _Chained(held, rest, body) if rest else body
            if self.refusal is None:
                wanted = self._wanted()
                is_whole = False
                if wanted is not None:
                    rest = rest or iter(body)
                    is_whole = self._hold(rest, held, wanted, body)
                self.refusal = self._judged(held, is_whole, wanted)
        except BaseException:
            _close(body)
            raise
        if self.refusal is not None:
            _close(body)
            return refuse(self.refusal, self.environ, self.start_response)
        self._send()
        return _Chained(held, rest, body) if rest else body

    def broke(self) -> None:
        """The application raised: servers answer that with a 500."""
        if not self.is_sent:
            try:
                self.middleware.agent.check_response(self.request, 500)
            except Exception:
                tell("the count of an answer")

    def _begin(self, rest: Iterator[bytes], held: list[bytes]) -> None:
        """Generators begin to answer when they are asked for their first piece."""
        for piece in rest:
            held.append(piece)
            if self.status is not None or len(held) >= MOST_CHUNKS:
                break

    def _wanted(self) -> int | None:
        """How much of the body is to be looked into."""
        kind = self._header("content-type")
        if not kind or not has_content(self.request.method, self._code()):
            return None
        try:
            agent = self.middleware.agent
            return agent.wants_answer(self.request, kind, self._header("content-encoding"))
        except Exception:
            tell("the check of an answer")
            return None

    def _hold(
        self, rest: Iterator[bytes], held: list[bytes], wanted: int, body: Iterable[bytes]
    ) -> bool:
        """Holds back the beginning; whether it is all there is. A stream is only asked for its first piece."""
        is_known = isinstance(body, (list, tuple)) or bool(self._header("content-length"))
        length = sum(map(len, held))
        while length < wanted and len(held) < MOST_CHUNKS:
            if not is_known and length:
                return False
            piece = next(rest, None)
            if piece is None:
                return True
            held.append(piece)
            length += len(piece)
        return False

    def _judged(
        self, held: list[bytes], is_whole: bool, wanted: int | None = None
    ) -> Refusal | None:
        middleware = self.middleware
        agent = middleware.agent
        try:
            if held and wanted:
                beginning = b"".join(held)[:wanted]
                refusal = agent.check_answer(self.request, beginning, is_whole)
                if refusal is not None:
                    return refusal
            return agent.check_response(
                self.request, self._code(), middleware.resolve, self.environ
            )
        except Exception:
            return failed(agent, "the check of an answer")

    def _send(self) -> None:
        """The application's answer goes out."""
        headers = self.headers
        name = self.middleware.agent.server_header()
        if name is not None:
            headers = [pair for pair in headers if pair[0].lower() != "server"]
            headers.append(("Server", name))
        self.is_sent = True
        self._start(self.status or "", headers, self.exc_info)

    def _start(self, status: str, headers: Headers, exc_info: Any) -> Callable[[bytes], object]:
        if exc_info is None:
            self.write_on = self.start_response(status, headers)
        else:
            self.write_on = self.start_response(status, headers, exc_info)
        return self.write_on

    def _code(self) -> int:
        code = (self.status or "")[:3]
        return int(code) if code.isdecimal() else 500

    def _header(self, name: str) -> str:
        for own, value in self.headers:
            if own.lower() == name:
                return value
        return ""


def _close(body: Iterable[bytes]) -> None:
    close = getattr(body, "close", None)
    if close is not None:
        close()


class _Chained:
    """An answer of which some pieces were held back."""

    __slots__ = ("body", "held", "rest")

    def __init__(self, held: list[bytes], rest: Iterator[bytes], body: Iterable[bytes]) -> None:
        self.held = iter(held)
        self.rest = rest
        self.body = body

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece = next(self.held, None)
        return next(self.rest) if piece is None else piece

    def close(self) -> None:
        _close(self.body)

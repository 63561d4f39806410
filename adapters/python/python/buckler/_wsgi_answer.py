"""A WSGI application's answer on its way to the server."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ._answer import MOST_CHUNKS, REFUSAL, has_content, reason
from ._buckler import Refusal, Request
from ._failure import failed, tell
from ._watch import Watch
from ._wsgi_body import Environ, drain_body

if TYPE_CHECKING:
    from .wsgi import Middleware

Headers = list[tuple[str, str]]
StartResponse = Callable[..., Callable[[bytes], object]]


def refuse(refusal: Refusal, environ: Environ, start_response: StartResponse) -> list[bytes]:
    """Answers with a refusal, which middlewares around this one find in the environment, once the request is read."""
    environ[REFUSAL] = refusal
    drain_body(environ)
    start_response(f"{refusal.status} {reason(refusal.status)}", list(refusal.headers))
    return [] if environ.get("REQUEST_METHOD") == "HEAD" else [refusal.body]


class Answer:
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
        "watch",
        "write_on",
    )

    def __init__(
        self,
        middleware: Middleware,
        request: Request,
        watch: Watch | None,
        environ: Environ,
        start_response: StartResponse,
    ) -> None:
        self.middleware = middleware
        self.request = request
        self.watch = watch
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
            self.refusal = self.late()
            if self.refusal is None:
                raise
            return refuse(self.refusal, self.environ, self.start_response)
        if self.refusal is not None:
            _close(body)
            return refuse(self.refusal, self.environ, self.start_response)
        self._send()
        return _Chained(held, rest, body) if rest else body

    def late(self) -> Refusal | None:
        """The refusal of a body that the application was reading already, where nothing has been sent yet."""
        return None if self.is_sent or self.watch is None else self.watch.refusal

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
        late = self.late()
        if late is not None:
            return late
        try:
            if held and wanted:
                beginning = b"".join(held)[:wanted]
                refusal = agent.check_answer(
                    self.request, beginning, is_whole, middleware.resolve, self.environ
                )
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

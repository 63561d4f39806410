"""A WSGI request's body: looked into before the application reads it, and read by no application where the request was refused."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

from ._buckler import Refusal
from ._drain import drain
from ._watch import RefusedBody, Watch

Environ = dict[str, Any]

# how much of the rest is asked for at once where all of it is wanted, in bytes. Granian gives nothing where all is asked for after a
# part was
PIECE = 64 * 1024


class Replay:
    """Reads like the stream itself: first what was looked at, then the rest, or the error that came instead of it.

    :param watch: looks into the rest before it is read
    :param left: how many bytes the rest has, where that is known
    """

    def __init__(
        self,
        beginning: bytes,
        rest: Any,
        error: Exception | None = None,
        *,
        watch: Watch | None = None,
        left: int | None = None,
    ) -> None:
        self._beginning = beginning
        self._rest = rest
        self._error = error
        self._watch = watch
        self._left = left
        self._is_ended = False

    def read(self, size: int | None = -1) -> bytes:
        """So many bytes, or all."""
        limit = -1 if size is None else size
        piece = self._take(limit)
        if len(piece) == limit or not self._goes_on(piece):
            return piece
        if limit >= 0:
            return piece + self._at_most(limit - len(piece))
        pieces = [piece]
        while self._left != 0:
            pieces.append(self._more(self._rest.read, min(PIECE, self._left or PIECE)))
            if not pieces[-1]:
                break
        return b"".join(pieces)

    # there is no buffer whose fill would be waited for
    read1 = read

    def readinto(self, buffer: Any) -> int:
        """As many bytes as there is room for."""
        view = memoryview(buffer).cast("B")
        piece = self.read(len(view))
        view[: len(piece)] = piece
        return len(piece)

    def readline(self, size: int | None = -1) -> bytes:
        """A line, or so many bytes of it."""
        limit = -1 if size is None else size
        end = self._beginning.find(b"\n") + 1
        if end or 0 <= limit <= len(self._beginning):
            return self._take(min(end or limit, limit) if limit >= 0 else end)
        piece = self._take(-1)
        if not self._goes_on(piece):
            return piece
        most = () if limit < 0 else (limit - len(piece),)
        return piece + self._more(self._rest.readline, *most)

    def readlines(self, hint: int | None = -1) -> list[bytes]:
        """All lines, or as many as hold so many bytes."""
        lines: list[bytes] = []
        length = 0
        for line in self:
            lines.append(line)
            length += len(line)
            if hint is not None and 0 < hint <= length:
                break
        return lines

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    def readable(self) -> bool:
        """It is."""
        return True

    def close(self) -> None:
        """Closes the stream, where it can be."""
        close = getattr(self._rest, "close", None)
        if close is not None:
            close()

    def _at_most(self, size: int) -> bytes:
        """So many bytes of the rest, and fewer only at its end: who is given fewer does not ask
        again, and would have what came last before it was looked into.
        """
        piece = self._more(self._rest.read, size)
        if self._left is not None or not piece or len(piece) == size:
            return piece
        pieces, length = [piece], len(piece)
        while piece and length < size:
            piece = self._more(self._rest.read, size - length)
            pieces.append(piece)
            length += len(piece)
        return b"".join(pieces)

    def _take(self, size: int) -> bytes:
        if size < 0:
            size = len(self._beginning)
        piece, self._beginning = self._beginning[:size], self._beginning[size:]
        return piece

    def unseen(self) -> tuple[Any, int | None]:
        """The rest, and how many bytes it has, where that is known."""
        return self._rest, self._left

    def end(self) -> None:
        """Has nothing more to read: a framework may read a refused body once more, whatever became of the first time."""
        self._beginning, self._is_ended = b"", True

    def _more(self, read: Callable[..., bytes], *size: int) -> bytes:
        """Reads of the rest, and shows it to the guard first."""
        piece = read(*size)
        if self._left is not None:
            self._left = max(self._left - len(piece), 0)
        watch = self._watch
        if watch is None:
            return piece
        if not watch.see(piece, not piece or self._left == 0):
            self._watch, self._error = None, RefusedBody()
            raise self._error
        if watch.is_over:
            self._watch = None
        return piece

    def _goes_on(self, piece: bytes) -> bool:
        """Whether the rest can be asked. An error comes once what was before it has been read."""
        if self._is_ended:
            return False
        if self._error is None:
            return True
        if not piece:
            raise self._error
        return False


def has_body(environ: Environ) -> bool:
    """Whether a request announces a body, by its framing alone: what else its headers say, the application does not ask either."""
    return _length(environ) is not None or _is_chunked(environ)


def may_have_body(environ: Environ) -> bool:
    """Whether an application may read a body all the same: hypercorn hands those on that come in
    chunks or by HTTP/2, and says neither how long they are nor that they end.
    """
    is_framed = "HTTP_TRANSFER_ENCODING" not in environ and _is_http1(environ)
    return has_body(environ) or not (is_framed or environ.get("CONTENT_LENGTH"))


def look(environ: Environ, watch: Watch) -> Refusal | None:
    """Judges the beginning of a body, and puts it back: the rest is looked into as it is read."""
    stream = environ["wsgi.input"]
    if not has_body(environ):
        # nothing is read before the application does: it may be waited for in vain
        watch.is_patient = False
        environ["wsgi.input"] = Replay(b"", stream, watch=watch)
        return None
    length = _length(environ)
    most = watch.wanted if length is None else min(watch.wanted, length)
    beginning, error = _read(stream, most)
    is_end = len(beginning) < most if length is None else len(beginning) == length
    is_whole = error is None and is_end
    if is_whole:
        environ["wsgi.input"] = io.BytesIO(beginning)
    else:
        left = None if length is None else length - len(beginning)
        environ["wsgi.input"] = Replay(beginning, stream, error, watch=watch, left=left)
    return watch.begin(beginning, is_whole)


def is_awaited(environ: Environ) -> bool:
    """Whether the body of a refused request is to be read: a client that waits to be told to go on sends nothing before."""
    return has_body(environ) and "HTTP_EXPECT" not in environ


def drain_body(environ: Environ) -> None:
    """Reads what a refused request still sends, and throws it away."""
    if is_awaited(environ):
        stream = environ["wsgi.input"]
        length = _length(environ)
        if isinstance(stream, Replay):
            replay = stream
            stream, length = replay.unseen()
            replay.end()
        if not isinstance(stream, io.BytesIO):
            drain(stream, length)


def _is_http1(environ: Environ) -> bool:
    return str(environ.get("SERVER_PROTOCOL", "HTTP/1.1")).startswith("HTTP/1")


def _is_chunked(environ: Environ) -> bool:
    """Whether a body comes in chunks, and the server ends it."""
    return "HTTP_TRANSFER_ENCODING" in environ and bool(environ.get("wsgi.input_terminated"))


def _length(environ: Environ) -> int | None:
    """The length of a body, where it is announced and counts."""
    length = (environ.get("CONTENT_LENGTH") or "").strip()
    if _is_chunked(environ) or not length.isdecimal():
        return None
    return int(length) or None


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

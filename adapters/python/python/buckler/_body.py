"""A WSGI body of which the beginning was looked at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


# how much of the rest is asked for at once where all of it is wanted, in bytes. Granian gives nothing where all is asked for after a
# part was
PIECE = 64 * 1024


class Replay:
    """Reads like the stream itself: first what was looked at, then the rest, or the error that came instead of it."""

    def __init__(self, beginning: bytes, rest: Any, error: Exception | None = None) -> None:
        self._beginning = beginning
        self._rest = rest
        self._error = error

    def read(self, size: int | None = -1) -> bytes:
        """So many bytes, or all."""
        limit = -1 if size is None else size
        piece = self._take(limit)
        if len(piece) == limit or not self._goes_on(piece):
            return piece
        if limit >= 0:
            more: bytes = self._rest.read(limit - len(piece))
            return piece + more
        return b"".join([piece, *iter(lambda: self._rest.read(PIECE), b"")])

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
        more: bytes = (
            self._rest.readline() if limit < 0 else self._rest.readline(limit - len(piece))
        )
        return piece + more

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

    def _take(self, size: int) -> bytes:
        if size < 0:
            size = len(self._beginning)
        piece, self._beginning = self._beginning[:size], self._beginning[size:]
        return piece

    def _goes_on(self, piece: bytes) -> bool:
        """Whether the rest can be asked. An error comes once what was before it has been read."""
        if self._error is None:
            return True
        if not piece:
            raise self._error
        return False

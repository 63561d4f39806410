"""A WSGI body of which the beginning was looked at, over streams that are unlike each other."""

from __future__ import annotations

import io

import pytest

from buckler._wsgi_body import Replay

BODY = bytes(range(256)) * 1024


class Granian:
    """Granian's stream: once a part was read, all the rest is nothing."""

    def __init__(self, body: bytes) -> None:
        self._stream = io.BytesIO(body)

    def read(self, size: int = -1) -> bytes:
        return b"" if size < 0 and self._stream.tell() else self._stream.read(size)


@pytest.mark.parametrize("server", [io.BytesIO, Granian])
@pytest.mark.parametrize("before", [0, 10, 1000, 70_000])
def test_all_is_read_in_one(server: type, before: int) -> None:
    stream = server(BODY)
    body = Replay(stream.read(1000), stream)
    assert body.read(before) + body.read() == BODY
    assert body.read() == b""


def test_an_error_comes_once_what_was_before_it_is_read() -> None:
    body = Replay(b"begun", io.BytesIO(), OSError("the client is gone"))
    assert body.read() == b"begun"
    with pytest.raises(OSError, match="gone"):
        body.read()


class Spy:
    """A watch that refuses what holds a word."""

    def __init__(self, word: bytes) -> None:
        self._word = word
        self.is_over = False
        self.seen: list[tuple[bytes, bool]] = []

    def see(self, piece: bytes, is_end: bool) -> bool:
        self.seen.append((piece, is_end))
        return self._word not in piece


@pytest.mark.parametrize("length", [None, 200_000])
def test_the_rest_is_shown_before_it_is_read(length: int | None) -> None:
    stream = io.BytesIO(b"x" * 200_000)
    spy = Spy(b"evil")
    left = None if length is None else length - 1000
    body = Replay(stream.read(1000), stream, watch=spy, left=left)
    assert len(body.read(1000)) == 1000 and spy.seen == []
    assert len(body.read()) == 199_000
    assert sum(len(piece) for piece, _ in spy.seen) == 199_000
    assert [is_end for _, is_end in spy.seen].count(True) == 1 and spy.seen[-1][1]


def test_whoever_is_given_fewer_bytes_than_asked_for_has_been_given_what_was_looked_into() -> None:
    stream = io.BytesIO(BODY)
    spy = Spy(b"evil")
    body = Replay(stream.read(1000), stream, watch=spy)
    assert body.read(len(BODY) + 1) == BODY
    assert spy.seen[-1] == (b"", True), "it need not ask again"


def test_what_is_refused_is_not_read() -> None:
    stream = io.BytesIO(b"well begun\nevil line\nnever seen")
    body = Replay(stream.read(4), stream, watch=Spy(b"evil"))
    assert body.readline() == b"well begun\n"
    for read in (body.readline, body.read, lambda: body.read(5)):
        with pytest.raises(PermissionError, match="refused"):
            read()

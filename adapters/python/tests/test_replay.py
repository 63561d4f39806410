"""A WSGI body of which the beginning was looked at, over streams that are unlike each other."""

from __future__ import annotations

import io

import pytest

from buckler._body import Replay

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

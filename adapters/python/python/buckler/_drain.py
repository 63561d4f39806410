"""The body of a request that was refused, read to its end within bounds and thrown away.

A server that answers while a body is still coming, and closes, resets the connection. A proxy that is sending the body then finds no
answer but a broken connection: it answers 502 in the refusal's place, takes this server for dead, and soon has none left.
"""

from __future__ import annotations

import time
from typing import Any

# the most that is read, in bytes: what proxies are usually told to let through is less, and a proxy has it in its memory already
MOST = 32 * 1024 * 1024

# the longest that is waited, in seconds. A proxy that passes a slow body on as it comes finds the connection closed after it
LONGEST = 10.0

# how much is read at once, in bytes
PIECE = 64 * 1024


def drain(stream: Any, length: int | None) -> None:
    """Reads what is left of a stream: so many bytes, where that is known. Whatever fails, the refusal goes out."""
    if length is not None and length > MOST:
        return
    left = MOST if length is None else length
    end = time.monotonic() + LONGEST
    try:
        while left > 0 and time.monotonic() < end:
            piece = stream.read(min(PIECE, left))
            if not piece:
                break
            left -= len(piece)
    except Exception:
        # the client is gone, or sends what is no body: no reader is left for the answer
        return

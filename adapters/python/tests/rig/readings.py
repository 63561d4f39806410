"""The table of requests that may be read in two ways, which the suites of all adapters share: see ``tests/readings``."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Where the table is.
FOLDER = Path(__file__).resolve().parents[4] / "tests" / "readings"

#: The attack that all cases hold, in its plain form, and as a query or a form.
ATTACK = "1' or '1'='1"
QUERY = "q=1%27%20or%20%271%27%3D%271"

#: What is on while they are sent. Nothing bans: one client sends them all.
SECURITY = {"SECURITY_CHECKS": {"sqli": 1, "format": 1, "flood": 0, "brute": 0}}

#: With these a server says that it could not read a request: no application saw it.
_UNREAD = (400, 411, 413, 415, 417, 426, 501)


@dataclass(frozen=True)
class Case:
    """A request of the table."""

    about: str
    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes


def cases() -> list[Case]:
    """All of the table."""
    table = json.loads((FOLDER / "cases.json").read_text(encoding="utf-8"))
    read = [
        Case(
            f"{one['class']}: {one['name']}",
            one["method"],
            one["path"],
            [(name, said) for name, said in one["headers"]],
            _bytes(one["body"]),
        )
        for one in table
    ]
    assert len(read) > 200
    return read


def headers() -> list[tuple[str, str]]:
    """Headers with values that honest clients send."""
    lines = (FOLDER / "headers.txt").read_text().splitlines()
    pairs = [line.split(": ", 1) for line in lines]
    assert len(pairs) >= 200
    return [(name, said) for name, said in pairs]


def with_headers() -> list[Case]:
    """The plain attack beside each header, and within it."""
    form = ("Content-Type", "application/x-www-form-urlencoded")
    beside: list[Case] = []
    for name, said in headers():
        own = (name, said)
        beside += [
            Case(f"{name}, query", "GET", f"/echo?{QUERY}", [own], b""),
            Case(f"{name}, form behind", "POST", "/echo", [own, form], QUERY.encode()),
            Case(f"{name}, form in front", "POST", "/echo", [form, own], QUERY.encode()),
            Case(f"{name}, itself", "GET", "/echo", [(name, ATTACK)], b""),
        ]
    return beside


def is_refused(status: int, block_id: str | None) -> bool:
    """Whether an answer says that no application saw the request."""
    return block_id is not None or status in _UNREAD


def _bytes(pieces: list[Any]) -> bytes:
    return b"".join(map(_piece, pieces))


def _piece(piece: Any) -> bytes:
    """A text; bytes in Base64; a text many times; as many bytes of words; pieces compressed by gzip."""
    if isinstance(piece, str):
        return piece.encode()
    if "base64" in piece:
        return base64.b64decode(piece["base64"])
    if "repeat" in piece:
        return piece["repeat"].encode() * int(piece["times"])
    if "words" in piece:
        return _words(piece["words"])
    return gzip.compress(_bytes(piece["gzip"]))


def _words(length: int) -> bytes:
    """Words that no rule knows: letters by a linear congruence, each seventh a blank."""
    state = 1
    letters = bytearray()
    for at in range(length):
        state = (state * 1_103_515_245 + 12_345) & 0xFFFF_FFFF
        letters.append(0x20 if at % 7 == 6 else 0x61 + (state >> 16) % 26)
    return bytes(letters)

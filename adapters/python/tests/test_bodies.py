"""Bodies reach the application byte for byte."""

from __future__ import annotations

import json

import pytest
from rig.hosts import Host

#: Longer than what is looked at, longer than any server's buffer, and unlike any text.
LONG = bytes((n * 2_654_435_761 >> 24) & 0xFF for n in range(1_200_000))

MULTIPART = (
    b'--x\r\nContent-Disposition: form-data; name="title"\r\n\r\nhello\r\n'
    b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.txt"\r\n'
    b"Content-Type: text/plain\r\n\r\nsome words\r\n--x--\r\n"
)

BODIES = {
    "json": (
        "application/json",
        json.dumps({"name": "Zoë O'Brien", "list": [1, {"a": None}]}).encode(),
    ),
    "form": ("application/x-www-form-urlencoded", b"a=1&b=x+y%20z"),
    "multipart": ("multipart/form-data; boundary=x", MULTIPART),
    "raw": ("application/octet-stream", bytes(range(256))),
    "empty": ("text/plain", b""),
    "above-the-limit": ("application/octet-stream", LONG),
}


@pytest.mark.parametrize("body", BODIES)
def test_bodies_are_untouched(plain: Host, body: str) -> None:
    content_type, sent = BODIES[body]
    answer = plain.post("/echo", content_type, sent, plain.stranger())
    assert (answer.status, len(answer.body)) == (200, len(sent))
    assert answer.body == sent


def test_forms_are_read_by_the_framework(plain: Host) -> None:
    form = plain.post("/form", "application/x-www-form-urlencoded", b"a=1&b=x+y", plain.stranger())
    assert json.loads(form.body) == {"a": "1", "b": "x y"}
    sent = plain.post("/form", "multipart/form-data; boundary=x", MULTIPART, plain.stranger())
    assert json.loads(sent.body) == {"title": "hello", "f": "some words"}


def test_chunks_are_put_together_and_looked_into(plain: Host) -> None:
    if not plain.kind.chunked:
        pytest.skip("what comes in chunks does not reach the application here, guarded or not")
    form = "application/x-www-form-urlencoded"
    clean = plain.post("/echo", form, [b"a=1", b"&b=2"], plain.stranger())
    assert (clean.status, clean.text) == (200, "a=1&b=2")
    pieces = [LONG[at : at + 50_000] for at in range(0, len(LONG), 50_000)]
    assert plain.post("/echo", "application/octet-stream", pieces, plain.stranger()).body == LONG
    attack = plain.post("/echo", form, [b"a=1'+O", b"R+'1'='1'"], plain.stranger())
    assert attack.status == 403

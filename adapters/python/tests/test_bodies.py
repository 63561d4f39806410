"""Bodies reach the application byte for byte."""

from __future__ import annotations

import json
import time
from typing import Iterator

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


FORM = "application/x-www-form-urlencoded"

#: An attack behind so many bytes of what is none.
BEHIND = [70_000, 300_000]


@pytest.mark.parametrize("before", BEHIND)
def test_injections_are_refused_behind_the_beginning(plain: Host, before: int) -> None:
    filling = b"&".join(b"field%d=" % n + b"words+" * 100 for n in range(before // 600))
    answer = plain.post("/echo", FORM, filling + b"&a=1'+OR+'1'='1", plain.stranger())
    assert (answer.status, answer.text[:9]) == (403, "Blocked. ")
    assert len(answer.header("x-block-id") or "") == 16
    assert plain.post("/echo", FORM, filling + b"&a=1", plain.stranger()).status == 200
    read_by_the_framework = plain.post(
        "/form", FORM, filling + b"&a=1'+OR+'1'='1", plain.stranger()
    )
    assert read_by_the_framework.status == 403


@pytest.mark.parametrize("before", BEHIND)
def test_injections_are_refused_behind_the_beginning_of_chunks(plain: Host, before: int) -> None:
    if not plain.kind.chunked:
        pytest.skip("what comes in chunks does not reach the application here, guarded or not")
    pieces = [b"field%d=words&" % n for n in range(before // 13)] + [b"a=1'+O", b"R+'1'='1"]
    pieces = [b"".join(pieces[at : at + 100]) for at in range(0, len(pieces), 100)]
    assert plain.post("/echo", FORM, pieces, plain.stranger()).status == 403


def test_slow_bodies_are_looked_into(plain: Host) -> None:
    def slowly() -> Iterator[bytes]:
        yield b"a=1&b=2"
        # longer than the application is kept waiting
        time.sleep(1.5)
        yield b"&c=1'+OR+'1'='1"

    if not plain.kind.chunked:
        pytest.skip("what comes in chunks does not reach the application here, guarded or not")
    assert plain.post("/echo", FORM, slowly(), plain.stranger()).status == 403


def test_chunks_are_put_together_and_looked_into(plain: Host) -> None:
    if not plain.kind.chunked:
        pytest.skip("what comes in chunks does not reach the application here, guarded or not")
    clean = plain.post("/echo", FORM, [b"a=1", b"&b=2"], plain.stranger())
    assert (clean.status, clean.text) == (200, "a=1&b=2")
    pieces = [LONG[at : at + 50_000] for at in range(0, len(LONG), 50_000)]
    assert plain.post("/echo", "application/octet-stream", pieces, plain.stranger()).body == LONG
    attack = plain.post("/echo", FORM, [b"a=1'+O", b"R+'1'='1'"], plain.stranger())
    assert attack.status == 403

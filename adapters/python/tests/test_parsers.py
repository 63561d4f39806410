"""What a framework's own parser gives to an application was seen by the guard: an attack among it is refused, on random bodies."""

from __future__ import annotations

import asyncio
import io
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from buckler import Agent, Request
from buckler._watch import Watch
from rig.readings import ATTACK, SECURITY

#: The bodies that each parser is tried on: as many as take some seconds.
BODIES = 1500

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=X"

#: Parses a body; what an application gets of it, but for what files hold: SQL in a file is no attack.
Parse = Callable[[str, bytes], "list[str]"]

_FORMS = (
    *(
        "a",
        "q=",
        "&",
        "&",
        "=",
        ";",
        "+",
        "%",
        "%27",
        "%20or%20",
        "%C0%A7",
        "{",
        "}",
        "[",
        '"',
        "amp;",
        "\n",
        "\0",
        "<",
    ),
    *("1%27+or+%271%27%3D%271", ATTACK, "q=" + ATTACK.replace(" ", "+"), "_charset_=utf-16&"),
)
_PARTS = (
    *(
        "--X\r\n",
        "\r\n--X\r\n",
        "\r\n--X\r\n",
        "\r\n--X--\r\n",
        "\n--X\n",
        "\r\n--XY\r\n",
        "--X",
        "\r--X\r",
        "\r\n--X \r\n",
    ),
    *("\r\n\r\n", "\r\n", "\n", "\n\n", "hello", "--", "a: b\r\n", "x" * 5000),
    *[
        f"Content-Disposition: {said}\r\n\r\n"
        for said in (
            'form-data; name="q"',
            'form-data; name="q"',
            "form-data; name=q",
            'form-data; name="q"; filename="a.txt"',
            "form-data",
            "form-data; name*=utf-8''q",
            "form-data; name=\"q\"; filename*=utf-8''a",
            'form-data; name="a\\"b"',
            'x; name="q"',
        )
    ],
    'Content-Disposition: form-data; name="q"\r\n',
    "Content-Transfer-Encoding: base64\r\n",
    "Content-Type: text/plain; charset=utf-16le\r\n",
    "MScgb3IgJzEnPScx",
    "MScg\r\nb3Ig!JzEnPScx",
    *(ATTACK, ATTACK, ATTACK),
)
_HEAD = '--X\r\nContent-Disposition: form-data; name="p"\r\n\r\n'
_TYPES = (
    *(
        MULTIPART,
        MULTIPART,
        MULTIPART,
        'multipart/form-data; boundary="X"',
        "multipart/form-data; boundary=X; boundary=XY",
    ),
    *(
        "multipart/form-data; boundary=XY; boundary=X",
        "multipart/form-data; boundary*=utf-8''X",
        'multipart/form-data; boundary="\\X"',
    ),
    *(
        "multipart/form-data; charset=utf-16le; boundary=X",
        "multipart/form-data; boundary*0=X",
        "multipart/mixed; boundary=X",
    ),
)
_DOCUMENTS = (
    *(
        '{"a":',
        '"b"',
        "[",
        "]",
        "}",
        ",",
        ":",
        " ",
        "1",
        "null",
        "NaN",
        "\\",
        '"',
        "\\u0027",
        "'",
        "/*",
        "//",
    ),
    json.dumps(ATTACK),
)
_CODECS = (
    "utf-8",
    "utf-8",
    "utf-8-sig",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "utf-32",
    "utf-32-le",
    "utf-32-be",
)


def _some(chance: random.Random, pieces: tuple[str, ...], most: int) -> str:
    return "".join(chance.choices(pieces, k=chance.randrange(most)))


def _forms(chance: random.Random) -> tuple[str, bytes]:
    charset = chance.choice(
        ("", "", "", "; charset=utf-8", "; charset=latin-1", "; charset=utf-16le")
    )
    return FORM + charset, _some(chance, _FORMS, 8).encode()


def _multiparts(chance: random.Random) -> tuple[str, bytes]:
    first, second = _some(chance, _PARTS, 8), _some(chance, _PARTS, 8)
    framed = f"{_HEAD}{first}\r\n{_HEAD}{second}\r\n--X--\r\n"
    return chance.choice(_TYPES), (framed if chance.random() < 0.6 else first + second).encode()


def _documents(chance: random.Random) -> tuple[str, bytes]:
    kind = chance.choice(
        ("application/json", "application/json", "text/plain", "", FORM, "image/png", MULTIPART)
    )
    inner = ",".join(
        json.dumps(chance.choice((ATTACK, "a", 1, None))) for _ in range(chance.randrange(4))
    )
    text = chance.choice(
        (
            f"[{inner}]",
            f'{{"a":[{inner}]}}',
            f'{{"{ATTACK}":[{inner}]}}',
            _some(chance, _DOCUMENTS, 12),
        )
    )
    if chance.random() < 0.5:
        text = text.replace("'", "\\u0027")
    return kind, text.encode(chance.choice(_CODECS))


def _by_werkzeug(content_type: str, body: bytes) -> list[str]:
    from werkzeug.wrappers import Request as Parsed

    environ = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }
    parsed = Parsed(environ)
    files = [(name, sent.filename or "") for name, sent in parsed.files.items(multi=True)]
    # a field need not have a name
    return [text or "" for pair in (*parsed.form.items(multi=True), *files) for text in pair]


def _by_django(content_type: str, body: bytes) -> list[str]:
    from django.conf import settings
    from django.core.handlers.wsgi import WSGIRequest

    if not settings.configured:
        settings.configure()
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/",
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }
    parsed = WSGIRequest(environ)
    texts = [text for name, all_of in parsed.POST.lists() for text in (name, *all_of)]
    for name, sent in parsed.FILES.items():
        texts += [name, sent.name]
    return texts


def _by_starlette(content_type: str, body: bytes) -> list[str]:
    from starlette.requests import Request as Parsed

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def parsed() -> list[str]:
        headers = [(b"content-type", content_type.encode())]
        request = Parsed({"type": "http", "method": "POST", "headers": headers}, receive)
        texts: list[str] = []
        async with request.form() as form:
            for name, sent in form.multi_items():
                texts += [name, sent if isinstance(sent, str) else sent.filename or ""]
        return texts

    return asyncio.run(parsed())


def _by_json(content_type: str, body: bytes) -> list[str]:
    return list(_strings(json.loads(body)))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from _strings(item)


@pytest.fixture(scope="module")
def agent() -> Agent:
    return Agent(params=SECURITY, on_demand=True)


@pytest.mark.parametrize(
    "parse",
    [_by_werkzeug, _by_django, _by_starlette],
    ids=["werkzeug", "django", "python-multipart"],
)
@pytest.mark.parametrize("bodies", [_forms, _multiparts], ids=["forms", "multipart"])
def test_an_attack_that_a_form_holds_is_refused(agent: Agent, parse: Parse, bodies: Any) -> None:
    assert _missed(agent, parse, bodies) == []


def test_an_attack_that_a_document_holds_is_refused(agent: Agent) -> None:
    assert _missed(agent, _by_json, _documents) == []


def _missed(agent: Agent, parse: Parse, bodies: Any) -> list[tuple[str, bytes, list[str]]]:
    """Bodies of which the parser makes an attack, and which the guard lets pass."""
    chance = random.Random(2_718)
    missed, attacks = [], 0
    for _ in range(BODIES):
        content_type, body = bodies(chance)
        try:
            texts = parse(content_type, body)
        except Exception:
            # an application would answer that it is none
            continue
        if not any(ATTACK in text for text in texts):
            continue
        attacks += 1
        if not _refuses(agent, content_type, body):
            missed.append((content_type, body, texts))
    assert attacks > BODIES / 20, "bodies that hold an attack"
    return missed[:3]


def _refuses(agent: Agent, content_type: str, body: bytes) -> bool:
    headers = [("content-type", content_type), ("host", "shop.example.com")]
    request = Request("POST", "/", headers, "203.0.113.9")
    assert agent.check(request) is None
    wanted = agent.wants_body(request)
    assert wanted is not None
    return Watch(agent, request, wanted).whole(body) is not None

"""What the benchmarks ask, and of whom: requests as browsers send them, small applications, and a fair way to time both."""

from __future__ import annotations

import asyncio
import io
import json
import time
from dataclasses import dataclass
from typing import Any, Callable

#: As a browser sends them.
HEADERS = {
    "Host": "shop.example.com",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en-GB,en;q=0.5",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Referer": "https://shop.example.com/items?page=3",
    "Cookie": "session=9e3779b95f0c1a77e2b94f0c; theme=dark",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "same-origin",
    "Cache-Control": "no-cache",
    "Connection": "keep-alive",
}

#: A kilobyte of JSON as a shop's front end posts it.
ORDER = json.dumps(
    {
        "customer": {"name": "Anna Smith", "email": "anna.smith@example.com"},
        "address": {"street": "Hauptstrasse 12", "city": "Cologne", "zip": "50667"},
        "items": [
            {"sku": f"buckler-{n}", "count": n, "note": "please leave it with the neighbours"}
            for n in range(1, 11)
        ],
    }
).encode()


@dataclass(frozen=True)
class Ask:
    """A request that is measured."""

    name: str
    method: str
    path: str
    query: str = ""
    content_type: str = ""
    body: bytes = b""

    def environ(self) -> dict[str, Any]:
        """As a WSGI server hands it to an application."""
        headers = {f"HTTP_{name.upper().replace('-', '_')}": said for name, said in HEADERS.items()}
        return headers | {
            "REQUEST_METHOD": self.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": self.path,
            "QUERY_STRING": self.query,
            "CONTENT_TYPE": self.content_type,
            "CONTENT_LENGTH": str(len(self.body)),
            "REMOTE_ADDR": "203.0.113.9",
            "SERVER_NAME": "shop.example.com",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(self.body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": False,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }

    def scope(self) -> dict[str, Any]:
        """As an ASGI server hands it to an application."""
        headers = [(name.lower().encode(), said.encode()) for name, said in HEADERS.items()]
        if self.body:
            headers.append((b"content-type", self.content_type.encode()))
            headers.append((b"content-length", str(len(self.body)).encode()))
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": self.method,
            "scheme": "http",
            "path": self.path,
            "raw_path": self.path.encode(),
            "query_string": self.query.encode(),
            "root_path": "",
            "headers": headers,
            "client": ("203.0.113.9", 51234),
            "server": ("127.0.0.1", 80),
        }


ASKS = (
    Ask("GET, a browser's headers", "GET", "/items/7"),
    Ask(
        "GET, five parameters", "GET", "/items/7", "page=3&size=20&sort=price&q=oak+shield&lang=en"
    ),
    Ask("POST, 1 KiB of JSON", "POST", "/orders", "", "application/json", ORDER),
)

#: Sends one request and takes the answer; the status.
Send = Callable[[], int]


def wsgi(application: Callable[..., Any], ask: Ask) -> Send:
    """Asks a WSGI application."""

    def send() -> int:
        told: list[str] = []
        answer = application(ask.environ(), lambda status, headers, error=None: told.append(status))
        for _ in answer:
            pass
        close = getattr(answer, "close", None)
        if close is not None:
            close()
        return int(told[0][:3])

    return send


def asgi(application: Callable[..., Any], ask: Ask, loop: asyncio.AbstractEventLoop) -> Send:
    """Asks an ASGI application, in a loop that runs for one request at a time."""

    async def talk() -> int:
        told: list[int] = []
        body = [{"type": "http.request", "body": ask.body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            return body.pop() if body else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                told.append(message["status"])

        await application(ask.scope(), receive, send)
        return told[0]

    return lambda: loop.run_until_complete(talk())


def times(sends: dict[str, Send], *, rounds: int = 40, seconds: float = 0.03) -> dict[str, float]:
    """Microseconds of each in its best round; each has its turn in every round. What else a machine does only ever adds."""
    for name, send in sends.items():
        status = send()
        if status != 200:
            raise SystemExit(f"{name}: answered {status}, so that its time says nothing")
    counts = {name: _count(send, seconds) for name, send in sends.items()}
    took: dict[str, list[float]] = {name: [] for name in sends}
    for _ in range(rounds):
        for name, send in sends.items():
            began = time.perf_counter()
            for _ in range(counts[name]):
                send()
            took[name].append((time.perf_counter() - began) / counts[name] * 1e6)
    return {name: min(all_of_them) for name, all_of_them in took.items()}


def _count(send: Send, seconds: float) -> int:
    """How often it is sent in a round that is to take so long; warms it up, too."""
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        send()
        count += 1
    return count

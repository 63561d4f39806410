"""A server that is written from the vendor's page about cloud operations, and from nothing else."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: A client that the page's blacklist names.
LISTED = "198.51.100.7"

#: One whose detection is longer ago than any ban lasts.
LONG_AGO = "198.51.100.8"

#: One that the server lists in its answer to a status.
NEW = "203.0.113.50"

#: What the page shows to those who are refused.
MESSAGE = "<html><head /><body><h1>You have been blocked</h1></body></html>"

#: The page's example.
EXAMPLE = {
    "HOSTS": ["shop.example.com"],
    "APP_NAME": "Web Server",
    "GTFO_MSG": MESSAGE,
    "DENY_STATUS_CODE": 451,
}


@dataclass(frozen=True)
class Asked:
    """A request that an agent made."""

    method: str
    path: str
    kind: str
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Document:
    """Answers a ``POST`` to the configuration's URL as it likes, with a status, a text or the document.

    A ``GET`` is answered with the page's document, unless the agent has it.
    """

    def __init__(self, posted: int | str | None = 200) -> None:
        self.config: dict[str, Any] = dict(EXAMPLE)
        #: When each client was detected; none where the document is to have no list.
        self.blacklist: dict[str, int] | None = {LISTED: int(time.time()), LONG_AGO: 1}
        #: What a ``GET`` is answered in the document's place.
        self.instead: Any = None
        self.asked: list[Asked] = []
        #: How often an agent was told that it has the document already.
        self.unchanged = 0
        self._posted = posted
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/config"
        self.status_url = f"http://127.0.0.1:{self._server.server_port}/status"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def to(self, method: str, path: str = "/config") -> list[Asked]:
        """What was asked so."""
        return [one for one in self.asked if (one.method, one.path) == (method, path)]

    def with_beacon(self) -> None:
        """Has agents tell how they are, and share what they catch."""
        self.config |= {"BEACON": True, "BEACON_DELAY": 5, "BEACON_URL": self.status_url}
        self.config |= {"TELEMETRY_DATA": True, "BLACKLIST_SHARE": True}

    def _document(self) -> Any:
        if self.instead is not None:
            return self.instead
        listed = {} if self.blacklist is None else {"blacklist": self.blacklist}
        return {"config": self.config} | listed

    def _answer(self, method: str, path: str) -> tuple[int, Any]:
        if (method, path) == ("GET", "/config"):
            return 200, self._document()
        if (method, path) == ("POST", "/config") and self._posted is None:
            return 200, self._document()
        if (method, path) == ("POST", "/config"):
            return (200, self._posted) if isinstance(self._posted, str) else (self._posted, {})
        if (method, path) == ("POST", "/status"):
            changes = {"blacklist": {"new": [NEW], "remove": [LISTED]}}
            return 200, {"status": True, "message": "ok", "data": changes}
        return 404, {}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        document = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._serve()

            def do_POST(self) -> None:
                self._serve()

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                kind = self.headers["Content-Type"] or ""
                document.asked.append(Asked(self.command, self.path, kind, body))
                status, answer = document._answer(self.command, self.path)
                is_text = isinstance(answer, str)
                said = answer.encode() if is_text else json.dumps(answer).encode()
                self._say(status, "text/plain" if is_text else "application/json", said)

            def _say(self, status: int, kind: str, said: bytes) -> None:
                tag = f'"{hash(said)}"' if self.command == "GET" else None
                if tag is not None and self.headers["If-None-Match"] == tag:
                    status = 304
                    document.unchanged += 1
                self.send_response(status)
                if tag is not None:
                    self.send_header("ETag", tag)
                if status not in (204, 304):
                    self.send_header("Content-Type", kind)
                    self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                if status not in (204, 304):
                    self.wfile.write(said)

            def log_message(self, format: str, *args: Any) -> None:
                pass  # the test says what went wrong

        return Handler

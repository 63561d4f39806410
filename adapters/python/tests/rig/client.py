"""Clients: one request over one connection, each byte as the test wants it."""

from __future__ import annotations

import http.client
from dataclasses import dataclass
from typing import Iterable, Sequence

from .waiting import PATIENCE

#: A client that may be banned: loopback never is. The address is reserved for documentation, as all are here.
CLIENT = "203.0.113.9"

#: Another one.
ANOTHER = "203.0.113.10"

#: Who asks while a test waits: far more often than clients whose ban is to be made, or it would block too much of the site.
VISITOR = "203.0.113.200"

#: A path that every default configuration takes for an attack.
DECOY = "/.git/config"

#: The name under which applications are asked for.
HOST = "shop.example.com"


@dataclass(frozen=True)
class Answer:
    """An answer, whole."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        found = (said for own, said in self.headers if own.lower() == name)
        return next(found, None)

    @property
    def text(self) -> str:
        return self.body.decode()


class Client:
    """Asks an application that stands behind a proxy on loopback, which names the client."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address

    def get(self, path: str, client: str = CLIENT, patience: float = PATIENCE) -> Answer:
        return self.ask("GET", path, [("X-Forwarded-For", client)], patience=patience)

    def status(self, path: str, client: str = CLIENT, patience: float = PATIENCE) -> int:
        return self.get(path, client, patience).status

    def post(
        self,
        path: str,
        content_type: str,
        body: bytes | Iterable[bytes],
        client: str = CLIENT,
    ) -> Answer:
        """Posts a body; one that is not bytes goes in the chunks that it comes in."""
        headers = [("X-Forwarded-For", client), ("Content-Type", content_type)]
        return self.ask("POST", path, headers, body)

    def ask(
        self,
        method: str,
        path: str,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes | Iterable[bytes] = b"",
        patience: float = PATIENCE,
    ) -> Answer:
        """Sends exactly these headers, a host where none is among them, and the body's length."""
        connection = http.client.HTTPConnection(*self.address, timeout=patience)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            if not any(name == "Host" for name, _ in headers):
                connection.putheader("Host", HOST)
            for name, said in headers:
                connection.putheader(name, said)
            connection.putheader("Connection", "close")
            _send(connection, method, body)
            answer = connection.getresponse()
            return Answer(answer.status, tuple(answer.getheaders()), _body(answer))
        finally:
            connection.close()


def _body(answer: http.client.HTTPResponse) -> bytes:
    """An answer's body. A server that takes a request for no HTTP answers 400 by itself and closes on the rest of it: the reset may
    overtake that body, which is the server's and says nothing here.
    """
    try:
        return answer.read()
    except ConnectionResetError:
        if answer.status != 400:
            raise
        return b""


def _send(
    connection: http.client.HTTPConnection, method: str, body: bytes | Iterable[bytes]
) -> None:
    try:
        if not isinstance(body, bytes):
            connection.putheader("Transfer-Encoding", "chunked")
            connection.endheaders(body, encode_chunked=True)
        elif body or method == "POST":
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
        else:
            connection.endheaders()
    except (BrokenPipeError, ConnectionResetError):
        pass  # whoever is refused may find the connection closed before all was sent

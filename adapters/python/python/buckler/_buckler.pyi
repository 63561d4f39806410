"""The native half of ``buckler``."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

VERSION: str

#: Tells the pattern of the route of where a request came from, or whether there is one.
_Resolve = Callable[[Any], str | bool | None]

class SettingsError(ValueError):
    """The settings are wrong: each problem with its place, with what was found and what is allowed."""

class Refusal:
    """What a client that is refused is answered."""

    @property
    def id(self) -> str: ...
    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> list[tuple[str, str]]: ...
    @property
    def location(self) -> str | None: ...
    @property
    def body(self) -> bytes: ...

class Request:
    """A request as the guard sees it."""

    route: Literal["matched", "missing", "unsure", "unknown"]

    def __new__(
        cls,
        method: str,
        target: str,
        headers: Iterable[tuple[str | bytes, str | bytes]] | None = None,
        peer: str | None = None,
        host: str | None = None,
        pattern: str | None = None,
    ) -> Request: ...
    @staticmethod
    def from_wsgi(environ: dict[str, Any], peer: str | None = None) -> Request: ...
    @staticmethod
    def from_asgi(scope: dict[str, Any]) -> Request: ...
    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def query(self) -> str: ...
    @property
    def host(self) -> str | None: ...
    @property
    def peer(self) -> str | None: ...
    @property
    def pattern(self) -> str | None: ...

class BodyRest:
    """The rest of a request's body whose beginning passed, as far as the guard has seen it."""

    @property
    def is_over(self) -> bool: ...

class Agent:
    """The native half of an agent."""

    def __new__(
        cls,
        said: str,
        *,
        platform: str,
        routes: Callable[[], Mapping[str, tuple[list[str], str]]] | None = None,
        on_demand: bool = False,
    ) -> Agent: ...
    def start(self) -> None: ...
    @property
    def cloud_url(self) -> str | None: ...
    @property
    def is_running(self) -> bool: ...
    def check(
        self,
        request: Request,
        resolve: _Resolve | None = None,
        source: Any = None,
    ) -> Refusal | None: ...
    def wants_body(self, request: Request) -> int | None: ...
    def check_body(
        self,
        request: Request,
        body: bytes,
        whole: bool = True,
        resolve: _Resolve | None = None,
        source: Any = None,
    ) -> Refusal | None: ...
    def check_body_beginning(
        self,
        request: Request,
        body: bytes,
        whole: bool = True,
        resolve: _Resolve | None = None,
        source: Any = None,
    ) -> tuple[Refusal | None, BodyRest | None]: ...
    def check_body_rest(
        self,
        request: Request,
        rest: BodyRest,
        piece: bytes,
        is_end: bool,
        resolve: _Resolve | None = None,
        source: Any = None,
    ) -> Refusal | None: ...
    def wants_answer(
        self, request: Request, content_type: str, content_encoding: str
    ) -> int | None: ...
    def check_answer(
        self,
        request: Request,
        body: bytes,
        whole: bool = True,
        resolve: _Resolve | None = None,
        source: Any = None,
    ) -> Refusal | None: ...
    def check_response(
        self,
        request: Request,
        status: int,
        resolve: _Resolve | None = None,
        source: Any = None,
    ) -> Refusal | None: ...
    def failure(self) -> Refusal | None: ...
    def server_header(self) -> str | None: ...
    def client(self, request: Request) -> str | None: ...
    def is_due(self) -> bool: ...
    def exchange(self, seconds: float) -> bool: ...
    def why_json(self, id: str) -> str | None: ...
    def bans_json(self) -> str: ...
    def ban(self, network: str, seconds: float, why: str) -> None: ...
    def unban_json(self, network: str) -> str: ...
    def retry_now(self) -> None: ...
    def status_json(self) -> str | None: ...
    def stop_json(self, seconds: float) -> str | None: ...

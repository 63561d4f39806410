"""Django in one line of its settings."""

from __future__ import annotations

import io
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from . import _exit
from ._agent import Agent
from ._answer import REFUSAL, has_content
from ._buckler import Refusal, Request
from ._drain import drain
from ._failure import failed, tell
from ._routes import Found, harmless
from ._watch import Watch
from ._wsgi_body import Replay, is_awaited

# agents of this process, by their settings: tests and servers may build the middleware several times
_agents: dict[str, Agent] = {}


class DjangoRASP:
    """Guards a Django project, under WSGI and ASGI::

        MIDDLEWARE = ["buckler.DjangoRASP", ...]

        PYRASP_CLOUD_URL = "https://cloud.example.com/config"
        PYRASP_KEY = "0b7e2d54"

    It is to be the first in the list. ``PYRASP_TEMPLATE``, ``PYRASP_CONF``, ``PYRASP_PARAMS``, ``PYRASP_KEY``, ``PYRASP_CLOUD_URL`` and
    ``BUCKLER_SETTINGS`` are :class:`buckler.Agent`'s parameters; all of them may be left out.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        self.get_response = get_response
        self.agent = _agent()
        self._is_async = _is_coroutine(get_response)
        if self._is_async:
            _mark_coroutine(self)

    def __call__(self, request: Any) -> Any:
        if self._is_async:
            return self._answer_async(request)
        seen, watch, refusal = self._before(request)
        if refusal is not None:
            return _refuse(refusal, request)
        return self._after(seen, watch, request, self.get_response(request))

    async def _answer_async(self, request: Any) -> Any:
        seen, watch, refusal = self._before(request)
        if refusal is not None:
            return _refuse(refusal, request)
        return self._after(seen, watch, request, await self.get_response(request))

    def _before(self, request: Any) -> tuple[Request | None, Watch | None, Refusal | None]:
        """Judges a request and the beginning of its body."""
        agent = self.agent
        try:
            scope = getattr(request, "scope", None)
            if scope is None:
                seen = Request.from_wsgi(request.environ)
            else:
                # servers of ASGI may end their process without Python's exit, and Django knows no `lifespan`
                _exit.stop_with_server()
                seen = Request.from_asgi(scope)
            refusal = agent.check(seen, _route_before, request)
            wanted = agent.wants_body(seen) if refusal is None else None
            if wanted is None:
                return seen, None, refusal
            # not the request itself, which holds the body that holds the watch
            asked = SimpleNamespace(path_info=request.path_info, urlconf=None)
            watch = Watch(agent, seen, wanted, _route_before, asked)
            return seen, watch, _look(request, watch)
        except Exception:
            return None, None, failed(agent, "the check of a request")

    def _after(self, seen: Request | None, watch: Watch | None, request: Any, response: Any) -> Any:
        """Judges an answer."""
        if seen is None:
            return response
        agent = self.agent
        try:
            refusal = (
                (watch.refusal if watch else None)
                or self._leak(seen, request, response)
                or agent.check_response(seen, response.status_code, _route_after, request)
            )
            name = agent.server_header()
            if name is not None:
                response.headers["Server"] = name
        except Exception:
            refusal = failed(agent, "the check of an answer")
        if refusal is None:
            return response
        response.close()
        return _refuse(refusal, request)

    def _leak(self, seen: Request, request: Any, response: Any) -> Refusal | None:
        """Judges what an answer holds. What is sent as it comes has no beginning that is there."""
        if response.streaming or not has_content(seen.method, response.status_code):
            return None
        headers = response.headers
        kind, encoding = headers.get("content-type", ""), headers.get("content-encoding", "")
        wanted = self.agent.wants_answer(seen, kind, encoding) if kind else None
        if wanted is None:
            return None
        content = response.content
        is_whole = len(content) <= wanted
        return self.agent.check_answer(seen, content[:wanted], is_whole, _route_after, request)


def _agent() -> Agent:
    from django.conf import settings

    names = ("TEMPLATE", "CONF", "PARAMS", "KEY", "CLOUD_URL")
    said: dict[str, Any] = {
        name.lower(): getattr(settings, f"PYRASP_{name}", None) for name in names
    }
    more = getattr(settings, "BUCKLER_SETTINGS", None)
    which = repr((said, more))
    if which not in _agents:
        _agents[which] = Agent(**said, settings=more, platform="Django", routes=_routes)
    return _agents[which]


def _is_coroutine(function: Any) -> bool:
    from asgiref.sync import iscoroutinefunction

    return bool(iscoroutinefunction(function))


def _mark_coroutine(middleware: DjangoRASP) -> None:
    """Django asks whether it may await what the middleware returns."""
    from asgiref.sync import markcoroutinefunction

    markcoroutinefunction(middleware)


def _routes() -> dict[str, tuple[list[str], str]]:
    from django.urls import get_resolver

    listed: dict[str, tuple[list[str], str]] = {}

    def visit(patterns: Any, prefix: str) -> None:
        for pattern in patterns:
            path = prefix + str(pattern.pattern)
            inner = getattr(pattern, "url_patterns", None)
            if inner is not None:
                visit(inner, path)
            else:
                listed.setdefault(pattern.name or path, ([], path))

    visit(get_resolver().url_patterns, "/")
    return listed


@harmless
def _route_before(request: Any) -> Found:
    """Before routing: by the patterns."""
    from django.urls import Resolver404, resolve

    try:
        found = resolve(request.path_info, getattr(request, "urlconf", None))
    except Resolver404:
        return False
    return f"/{found.route}"


@harmless
def _route_after(request: Any) -> Found:
    """After routing: by the way that was really taken."""
    found = request.resolver_match
    return None if found is None else f"/{found.route}"


def _look(request: Any, watch: Watch) -> Refusal | None:
    """Judges the beginning of a body, which is put back, and the rest as it is read. Django has no public way to do that; where its private
    one changes, bodies are not looked into, and the log says so."""
    body = getattr(request, "_body", None)
    if body is not None:
        return watch.whole(body)
    if request._read_started:
        return None
    stream = request._stream
    beginning = stream.read(watch.wanted + 1)
    if not beginning:
        return None
    is_whole = len(beginning) <= watch.wanted
    if is_whole:
        request._stream = io.BytesIO(beginning)
    else:
        length = request.META.get("CONTENT_LENGTH") or ""
        left = int(length) - len(beginning) if length.isdecimal() else None
        request._stream = Replay(beginning, stream, watch=watch, left=left)
    return watch.begin(beginning, is_whole)


def _refuse(refusal: Refusal, request: Any) -> Any:
    """The answer to a refused request, which is read to its end, and in whose environment or scope middlewares find the refusal."""
    from django.http import HttpResponse

    try:
        environ = getattr(request, "environ", None)
        seen = request.scope if environ is None else environ
        seen[REFUSAL] = refusal
        # under ASGI all of it has been read
        if environ is not None and is_awaited(environ):
            stream = request._stream
            if isinstance(stream, Replay):
                drain(*stream.unseen())
            elif not isinstance(stream, io.BytesIO):
                drain(stream, None)
    except Exception:
        tell("the end of a refused request")
    headers = dict(refusal.headers)
    return HttpResponse(refusal.body, status=refusal.status, headers=headers)

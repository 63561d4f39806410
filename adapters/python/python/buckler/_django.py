"""Django in one line of its settings."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from . import _exit
from ._agent import Agent
from ._answer import has_content
from ._body import Replay
from ._buckler import Refusal, Request
from ._failure import failed
from ._routes import is_catch_all

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
        seen, refusal = self._before(request)
        if refusal is not None:
            return _refuse(refusal)
        return self._after(seen, request, self.get_response(request))

    async def _answer_async(self, request: Any) -> Any:
        seen, refusal = self._before(request)
        if refusal is not None:
            return _refuse(refusal)
        return self._after(seen, request, await self.get_response(request))

    def _before(self, request: Any) -> tuple[Request | None, Refusal | None]:
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
            refusal = agent.check(seen, _has_route, request)
            if refusal is None:
                wanted = agent.wants_body(seen)
                beginning = _peek(request, wanted) if wanted else None
                if beginning is not None:
                    refusal = agent.check_body(seen, *beginning)
            return seen, refusal
        except Exception:
            return None, failed(agent, "the check of a request")

    def _after(self, seen: Request | None, request: Any, response: Any) -> Any:
        """Judges an answer."""
        if seen is None:
            return response
        agent = self.agent
        try:
            refusal = self._leak(seen, response) or agent.check_response(
                seen, response.status_code, _had_route, request
            )
            name = agent.server_header()
            if name is not None:
                response.headers["Server"] = name
        except Exception:
            refusal = failed(agent, "the check of an answer")
        if refusal is None:
            return response
        response.close()
        return _refuse(refusal)

    def _leak(self, seen: Request, response: Any) -> Refusal | None:
        """Judges what an answer holds. What is sent as it comes has no beginning that is there."""
        if response.streaming or not has_content(seen.method, response.status_code):
            return None
        headers = response.headers
        kind, encoding = headers.get("content-type", ""), headers.get("content-encoding", "")
        wanted = self.agent.wants_answer(seen, kind, encoding) if kind else None
        if wanted is None:
            return None
        content = response.content
        return self.agent.check_answer(seen, content[:wanted], len(content) <= wanted)


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


def _has_route(request: Any) -> bool:
    """Before routing: by the patterns."""
    from django.urls import Resolver404, resolve

    try:
        found = resolve(request.path_info, getattr(request, "urlconf", None))
    except Resolver404:
        return False
    return not is_catch_all(found.route)


def _had_route(request: Any) -> bool:
    """After routing: by the way that was really taken."""
    found = request.resolver_match
    return found is not None and not is_catch_all(found.route)


def _peek(request: Any, wanted: int) -> tuple[bytes, bool] | None:
    """The beginning of a body, which is put back. Django has no public way to do that; where its private one changes, bodies are not
    looked into, and the log says so."""
    body = getattr(request, "_body", None)
    if body is None and not request._read_started:
        stream = request._stream
        beginning = stream.read(wanted + 1)
        is_whole = len(beginning) <= wanted
        request._stream = io.BytesIO(beginning) if is_whole else Replay(beginning, stream)
        body = beginning
    return (body[:wanted], len(body) <= wanted) if body else None


def _refuse(refusal: Refusal) -> Any:
    from django.http import HttpResponse

    headers = dict(refusal.headers)
    return HttpResponse(refusal.body, status=refusal.status, headers=headers)

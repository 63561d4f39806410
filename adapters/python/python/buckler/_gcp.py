"""Google Cloud Functions: functions that take Flask's request."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable
from typing import Any, TypeVar

from ._answer import REFUSAL
from ._buckler import Refusal, Request
from ._function import Function, Look, last_hop
from ._watch import Watch
from ._wsgi_body import drain_body, has_body
from ._wsgi_body import look as look_into

Handler = TypeVar("Handler", bound=Callable[..., Any])


class GcpRASP(Function):
    """Guards a function on Google Cloud::

        rasp = GcpRASP(cloud_url="https://cloud.example.com/config", key="0b7e2d54")

        @functions_framework.http
        @rasp.register
        def hello(request): ...

    On Google's platform (where ``K_SERVICE`` is set) the client is whom the front end names last in ``X-Forwarded-For``. The agent speaks
    with its server within requests, when that is due; the first of a process waits for two seconds at most.

    The parameters are :class:`buckler.Agent`'s.
    """

    _platform = "Google Cloud Function"

    def register(self, function: Handler) -> Handler:
        """Guards this function: one of HTTP, with ``(request)``. Functions of events, with ``(event, context)`` or ``(cloud_event)``, have no
        client who could be judged: they run as they are, and the agent speaks with its server meanwhile.
        """
        wants_context = _wants_two(function)

        @functools.wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            request = next((one for one in (*args, *kwargs.values()) if _is_request(one)), None)
            if request is None:
                self._speak()
                try:
                    return function(*args, **kwargs)
                finally:
                    self._speak()
            if wants_context and len(args) + len(kwargs) == 1:
                # written as one of events, and deployed as one of HTTP
                args = (*args, *kwargs.values(), None)
                kwargs = {}
            return self._answer(request, lambda: function(*args, **kwargs))

        return guarded  # type: ignore[return-value]

    def _answer(self, request: Any, function: Callable[[], Any]) -> Any:
        watches: list[Watch] = []
        seen, refusal = self._check(lambda: _read(request, watches))
        response: Any = None
        if refusal is None:
            try:
                response = _response(function())
            except Exception as error:
                refusal = _late(watches)
                if refusal is None:
                    self._check_answer(seen, getattr(error, "code", None) or 500)
                    raise
            if refusal is None:
                refusal = _late(watches) or self._check_answer(
                    seen,
                    response.status_code,
                    # what is sent as it comes has no beginning that is there
                    "" if response.is_streamed else response.content_type or "",
                    response.headers.get("content-encoding", ""),
                    response.get_data,
                )
        self._speak()
        return response if refusal is None else _refuse(refusal, request)


def _is_request(value: Any) -> bool:
    return isinstance(getattr(value, "environ", None), dict)


def _wants_two(function: Callable[..., Any]) -> bool:
    """Whether a function cannot be called with one argument."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [one for one in parameters if one.kind in positional and one.default is one.empty]
    return len(needed) == 2


def _read(request: Any, watches: list[Watch]) -> tuple[Request, Look]:
    environ = request.environ
    is_google = bool(os.environ.get("K_SERVICE"))
    peer = last_hop(environ.get("HTTP_X_FORWARDED_FOR")) if is_google else None

    def look(watch: Watch) -> Refusal | None:
        if "stream" in vars(request):
            # it was begun to be read: only as a whole can it be read again
            return watch.whole(request.get_data())
        if not has_body(environ):
            return None
        watches.append(watch)
        return look_into(environ, watch)

    return Request.from_wsgi(environ, peer), look


def _late(watches: list[Watch]) -> Refusal | None:
    """The refusal of a body that the function was reading already."""
    return next((watch.refusal for watch in watches if watch.refusal is not None), None)


def _response(result: Any) -> Any:
    """What a function returned, as the response that Flask makes of it."""
    from flask import current_app

    return current_app.make_response(result)


def _refuse(refusal: Refusal, request: Any) -> Any:
    from flask import Response

    request.environ[REFUSAL] = refusal
    drain_body(request.environ)
    return Response(refusal.body, refusal.status, refusal.headers)

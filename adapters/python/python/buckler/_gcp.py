"""Google Cloud Functions: functions that take Flask's request."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any, TypeVar

from . import wsgi
from ._buckler import Refusal, Request
from ._function import Function, last_hop

Handler = TypeVar("Handler", bound=Callable[..., Any])


class GcpRASP(Function):
    """Guards an HTTP function on Google Cloud::

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
        """Guards this function."""

        @functools.wraps(function)
        def guarded(request: Any) -> Any:
            seen, refusal = self._check(lambda: _read(request))
            result: Any = None
            if refusal is None:
                try:
                    result = function(request)
                    response = _response(result)
                except Exception as error:
                    self._check_answer(seen, getattr(error, "code", None) or 500)
                    raise
                result = response
                refusal = self._check_answer(
                    seen,
                    response.status_code,
                    # what is sent as it comes has no beginning that is there
                    "" if response.is_streamed else response.content_type or "",
                    response.headers.get("content-encoding", ""),
                    response.get_data,
                )
            self._speak()
            return result if refusal is None else _refuse(refusal)

        return guarded  # type: ignore[return-value]


def _read(request: Any) -> tuple[Request, Callable[[int], tuple[bytes, bool] | None]]:
    environ = request.environ
    is_google = bool(os.environ.get("K_SERVICE"))
    peer = last_hop(environ.get("HTTP_X_FORWARDED_FOR")) if is_google else None

    def body(wanted: int) -> tuple[bytes, bool] | None:
        if "stream" in vars(request):
            # somebody has begun to read it: only as a whole can it be read again
            data = request.get_data()
            return data[:wanted], len(data) <= wanted
        return wsgi.peek(environ, wanted) if wsgi.has_body(environ) else None

    return Request.from_wsgi(environ, peer), body


def _response(result: Any) -> Any:
    """What a function returned, as the response that Flask makes of it."""
    from flask import current_app

    return current_app.make_response(result)


def _refuse(refusal: Refusal) -> Any:
    from flask import Response

    return Response(refusal.body, refusal.status, refusal.headers)

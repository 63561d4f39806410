"""Azure Functions: functions with an HTTP trigger."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from ._buckler import Refusal, Request
from ._function import Function, Look, last_hop

Handler = TypeVar("Handler", bound=Callable[..., Any])


class AzureRASP(Function):
    """Guards an HTTP function on Azure::

        rasp = AzureRASP(cloud_url="https://cloud.example.com/config", key="0b7e2d54")

        @app.route(route="hello")
        @rasp.register
        def hello(req: func.HttpRequest) -> func.HttpResponse: ...

    The function may be a coroutine. The client is whom the front end names last in ``X-Forwarded-For``. The agent speaks with its server
    within requests, when that is due; the first of a process waits for two seconds at most.

    The parameters are :class:`buckler.Agent`'s.
    """

    _platform = "Azure Function"

    def register(self, function: Handler) -> Handler:
        """Guards this function."""

        @functools.wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            request, refusal = self._before(args, kwargs)
            result: Any = None
            if refusal is None:
                try:
                    result = function(*args, **kwargs)
                except Exception:
                    self._check_answer(request, 500)
                    raise
            return self._after(request, refusal, result)

        @functools.wraps(function)
        async def guarded_coroutine(*args: Any, **kwargs: Any) -> Any:
            request, refusal = self._before(args, kwargs)
            result: Any = None
            if refusal is None:
                try:
                    result = await function(*args, **kwargs)
                except Exception:
                    self._check_answer(request, 500)
                    raise
            return self._after(request, refusal, result)

        is_coroutine = inspect.iscoroutinefunction(function)
        return guarded_coroutine if is_coroutine else guarded  # type: ignore[return-value]

    def _before(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Request | None, Refusal | None]:
        # the worker hands its arguments over by the names that the function gave them
        found = [one for one in (*args, *kwargs.values()) if hasattr(one, "get_body")]
        return self._check(lambda: _read(found[0])) if found else (None, None)

    def _after(self, request: Request | None, refusal: Refusal | None, result: Any) -> Any:
        if refusal is None:
            refusal = self._check_answer(request, *_answer(result))
        self._speak()
        return result if refusal is None else _refuse(refusal)


def _read(request: Any) -> tuple[Request, Look]:
    headers = list(request.headers.items())
    peer = last_hop(request.headers.get("x-forwarded-for"))
    seen = Request(request.method, request.url, headers, peer)
    return seen, lambda watch: watch.whole(request.get_body())


def _answer(result: Any) -> tuple[int, str, str, Callable[[], bytes]]:
    """An answer's status, type, encoding and body. A text is one with the status 200, and nothing is 204."""
    if isinstance(result, str):
        return 200, "text/plain", "", result.encode
    if not hasattr(result, "status_code"):
        return (204 if result is None else 200), "", "", bytes
    headers = result.headers
    kind = headers.get("content-type") or getattr(result, "mimetype", None) or ""
    return result.status_code, kind, headers.get("content-encoding") or "", result.get_body


def _refuse(refusal: Refusal) -> Any:
    from azure.functions import HttpResponse

    kind = "content-type"
    headers = {name: value for name, value in refusal.headers if name != kind}
    mimetype = "text/html"
    return HttpResponse(
        refusal.body,
        status_code=refusal.status,
        headers=headers,
        mimetype=mimetype,
        charset="utf-8",
    )

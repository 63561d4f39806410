"""AWS Lambda: functions behind API Gateway, load balancers and function URLs."""

from __future__ import annotations

import base64
import functools
import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlencode

from . import _logs
from ._buckler import Refusal, Request
from ._function import Function, Look, last_hop
from ._routes import is_catch_all

Event = Mapping[str, Any]
Handler = TypeVar("Handler", bound=Callable[..., Any])


class LambdaRASP(Function):
    """Guards a function on AWS Lambda::

        rasp = LambdaRASP(cloud_url="https://cloud.example.com/config", key="0b7e2d54")

        @rasp.register
        def handler(event, context): ...

    Events of API Gateway (REST and HTTP APIs), of load balancers and of function URLs are judged; any other event goes to the handler
    as it is. The agent speaks with its server within requests, when that is due; the first of a process waits for two seconds at most.

    The parameters are :class:`buckler.Agent`'s.
    """

    _platform = "AWS Lambda"

    def _prepare(self) -> None:
        # the runtime's handler is there already, and its level is for warnings; in this variable an
        # operator has chosen one
        if "AWS_LAMBDA_RUNTIME_API" in os.environ and "AWS_LAMBDA_LOG_LEVEL" not in os.environ:
            _logs.show_reports()

    def register(self, handler: Handler) -> Handler:
        """Guards this handler."""
        if "AWS_LAMBDA_RUNTIME_API" in os.environ and not _is_snapshot():
            # the time before the first request is the platform's
            self._speak()

        @functools.wraps(handler)
        def guarded(event: Event, context: Any = None) -> Any:
            if not _is_http(event):
                return handler(event, context)
            request, refusal = self._check(lambda: _read(event))
            if refusal is None:
                try:
                    result = handler(event, context)
                except Exception:
                    self._check_answer(request, 500)
                    raise
                refusal = self._check_answer(request, *_answer(result))
            self._speak()
            return result if refusal is None else _refuse(refusal, event)

        return guarded  # type: ignore[return-value]


def _is_snapshot() -> bool:
    """Whether what is started now will be copied into many processes."""
    return os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start"


def _is_http(event: Any) -> bool:
    if not isinstance(event, Mapping):
        return False
    context = event.get("requestContext") or {}
    return "httpMethod" in event or "http" in context


def _read(event: Event) -> tuple[Request, Look]:
    """The request that an event stands for, and its body."""
    context = event.get("requestContext") or {}
    headers = _headers(event)
    forwarded = next((value for name, value in headers if name.lower() == "x-forwarded-for"), None)
    if "http" in context:
        http = context["http"]
        method, path, peer = http["method"], event.get("rawPath") or "/", http.get("sourceIp")
        query = event.get("rawQueryString") or ""
    else:
        method, path = event["httpMethod"], event.get("path") or "/"
        query = _query(event, is_encoded="elb" in context)
        # a load balancer says only here who connected to it
        peer = (context.get("identity") or {}).get("sourceIp") or last_hop(forwarded)
    # these may be decoded already
    path = path.replace("?", "%3F").replace("#", "%23").replace(" ", "%20")
    body = event.get("body") or ""
    data = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
    host, pattern = _host(headers, context), _pattern(event)
    request = Request(method, f"{path}?{query}", headers, peer, host, pattern)
    return request, lambda watch: watch.whole(data)


def _headers(event: Event) -> list[tuple[str, str]]:
    several = event.get("multiValueHeaders")
    if several:
        return [(name, value) for name, values in several.items() for value in values]
    headers = list((event.get("headers") or {}).items())
    cookies = event.get("cookies")
    return [*headers, ("cookie", "; ".join(cookies))] if cookies else headers


def _host(headers: list[tuple[str, str]], context: Mapping[str, Any]) -> str | None:
    named = (value for name, value in headers if name.lower() == "host")
    return next(named, None) or context.get("domainName")


def _pattern(event: Event) -> str | None:
    """The pattern of the route by which API Gateway called: ``/items/{id}``. One for every path, or none at all, says nothing."""
    # an HTTP API's has its method in front: `GET /items/{id}`, `$default`
    pattern = event.get("resource") or (event.get("routeKey") or "").rpartition(" ")[2]
    is_route = isinstance(pattern, str) and pattern.startswith("/") and not is_catch_all(pattern)
    return pattern if is_route else None


def _query(event: Event, is_encoded: bool) -> str:
    """A load balancer leaves the parameters as they came; API Gateway decodes them."""
    several = event.get("multiValueQueryStringParameters")
    pairs = (
        [(name, value) for name, values in several.items() for value in values or ()]
        if several
        else list((event.get("queryStringParameters") or {}).items())
    )
    if is_encoded:
        return "&".join(f"{name}={value}" for name, value in pairs)
    return urlencode(pairs)


def _answer(result: Any) -> tuple[int, str, str, Callable[[], bytes]]:
    """An answer's status, type, encoding and body. What has no status is JSON with the status 200."""
    if not isinstance(result, Mapping) or "statusCode" not in result:
        return 200, "", "", bytes
    several = result.get("multiValueHeaders") or {}
    headers = {name.lower(): values[0] for name, values in several.items() if values}
    headers.update({name.lower(): value for name, value in (result.get("headers") or {}).items()})
    body = result.get("body") or ""

    def read() -> bytes:
        return base64.b64decode(body) if result.get("isBase64Encoded") else str(body).encode()

    kind = str(headers.get("content-type", "application/json"))
    encoding = str(headers.get("content-encoding", ""))
    return int(result["statusCode"]), kind, encoding, read


def _refuse(refusal: Refusal, event: Event) -> dict[str, Any]:
    result: dict[str, Any] = {
        "statusCode": refusal.status,
        "body": refusal.body.decode(),
        "isBase64Encoded": False,
    }
    # whoever was asked with several values to a name answers so
    if event.get("multiValueHeaders") is not None and "elb" in (event.get("requestContext") or {}):
        result["multiValueHeaders"] = {name: [value] for name, value in refusal.headers}
    else:
        result["headers"] = dict(refusal.headers)
    return result

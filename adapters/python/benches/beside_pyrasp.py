"""What a request costs without a guard, with Buckler, and with pyrasp 0.9.2: the same endpoints and requests, in one run.

Run by `benches/run`; the Python needs both packages, Flask and FastAPI. Each guard has its default configuration but for floods: the
benchmark is one. Nothing travels: the applications are called as their servers call them.
"""

from __future__ import annotations

import asyncio
import copy
import os
import sys
from typing import Any

from fastapi import FastAPI, Request, Response
from flask import Flask, request
from load import ASKS, asgi, times, wsgi


def main() -> None:
    from pyrasp.pyrasp_data import DEFAULT_SECURITY_CHECKS

    checks = copy.deepcopy(DEFAULT_SECURITY_CHECKS) | {"flood": 0}
    params = {"SECURITY_CHECKS": checks, "VERBOSE": 0}
    print("| a request, µs | bare | Buckler | more | pyrasp 0.9.2 | more |")
    print("|---|---|---|---|---|---|")
    flasks = {name: flask_app(name, params) for name in ("bare", "buckler", "pyrasp")}
    for ask in ASKS:
        show("Flask", ask.name, times({name: wsgi(app, ask) for name, app in flasks.items()}))
    loop = asyncio.new_event_loop()
    fasts = {name: fastapi_app(name, params) for name in ("bare", "buckler", "pyrasp")}
    for ask in ASKS:
        took = times({name: asgi(app, ask, loop) for name, app in fasts.items()})
        show("FastAPI", ask.name, took)
    sys.stdout.flush()
    # pyrasp's destructor speaks of threads that were never started
    os._exit(0)


def show(framework: str, ask: str, took: dict[str, float]) -> None:
    bare, ours, theirs = took["bare"], took["buckler"], took["pyrasp"]
    more = f"{ours:.0f} | {ours - bare:.0f} | {theirs:.0f} | {theirs - bare:.0f}"
    print(f"| {framework}: {ask} | {bare:.0f} | {more} |", flush=True)


def guards(name: str, framework: str) -> Any:
    """A package's one-liner for a framework."""
    if name == "buckler":
        import buckler

        return getattr(buckler, framework)
    from pyrasp import pyrasp

    return getattr(pyrasp, framework)


def flask_app(guard: str, params: dict[str, Any]) -> Flask:
    app = Flask("shop", static_folder=None)
    app.add_url_rule("/items/<int:number>", "item", lambda number: f"item {number}")
    app.add_url_rule(
        "/orders", "order", lambda: str(len(request.get_json()["items"])), methods=["POST"]
    )
    if guard != "bare":
        guards(guard, "FlaskRASP")(app, params=params)
    return app


def fastapi_app(guard: str, params: dict[str, Any]) -> FastAPI:
    app = FastAPI(openapi_url=None)

    async def item(number: int) -> Response:
        return Response(f"item {number}")

    async def order(request: Request) -> Response:
        return Response(str(len((await request.json())["items"])))

    app.add_api_route("/items/{number}", item)
    app.add_api_route("/orders", order, methods=["POST"])
    if guard != "bare":
        guards(guard, "FastApiRASP")(app, params=params)
    return app


if __name__ == "__main__":
    main()

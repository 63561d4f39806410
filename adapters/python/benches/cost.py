"""What the guard costs Python: the call alone, and the two middlewares around an application that does nothing.

Run by `benches/run`, with the release build of the module. Everything is timed in one run and in turns.
"""

from __future__ import annotations

import asyncio
from typing import Any

from load import ASKS, Ask, Send, asgi, times, wsgi

import buckler
from buckler.asgi import Middleware as AsgiMiddleware
from buckler.wsgi import Middleware as WsgiMiddleware

#: Floods are what a benchmark is.
PARAMS = {"SECURITY_CHECKS": {"flood": 0}}


def main() -> None:
    agent = buckler.Agent(params=PARAMS)
    loop = asyncio.new_event_loop()
    print("| µs | the call | WSGI: bare | guarded | more | ASGI: bare | guarded | more |")
    print("|---|---|---|---|---|---|---|---|")
    for ask in ASKS:
        took = times(
            {
                "call": call(agent, ask),
                "wsgi": wsgi(wsgi_shop, ask),
                "guarded wsgi": wsgi(WsgiMiddleware(wsgi_shop, agent), ask),
                "asgi": asgi(asgi_shop, ask, loop),
                "guarded asgi": asgi(AsgiMiddleware(asgi_shop, agent), ask, loop),
            }
        )
        pairs = [(took[kind], took[f"guarded {kind}"]) for kind in ("wsgi", "asgi")]
        cells = " | ".join(
            f"{bare:.1f} | {guarded:.1f} | {guarded - bare:.1f}" for bare, guarded in pairs
        )
        print(f"| {ask.name} | {took['call']:.1f} | {cells} |", flush=True)
    agent.stop()


def call(agent: buckler.Agent, ask: Ask) -> Send:
    """The verdict alone: of a request that was read, with its body."""
    request = buckler.Request.from_wsgi(ask.environ())

    def send() -> int:
        refused = agent.check(request)
        if ask.body:
            refused = refused or agent.check_body(request, ask.body)
        refused = refused or agent.check_response(request, 200)
        return 200 if refused is None else refused.status

    return send


def wsgi_shop(environ: Any, start_response: Any) -> list[bytes]:
    environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "7")])
    return [b"welcome"]


async def asgi_shop(scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"7")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"welcome"})


if __name__ == "__main__":
    main()

"""A shop in FastAPI, guarded in one line."""

import os

from buckler import FastApiRASP
from fastapi import FastAPI, Request, Response

app = FastAPI(openapi_url=None)


@app.get("/")
async def index():
    return Response("welcome")


@app.get("/items/{number}")
async def item(number: int):
    return Response(f"item {number}")


@app.get("/login")
def login():
    return Response("a form")


@app.get("/missing")
async def missing():
    return Response("no such thing", status_code=404)


@app.get("/broken")
async def broken():
    raise RuntimeError("as it happens")


@app.get("/worker")
async def worker():
    return Response(str(os.getpid()))


@app.post("/echo")
async def echo(request: Request):
    return Response(await request.body(), media_type="application/octet-stream")


@app.post("/form")
async def form(request: Request):
    async with request.form() as sent:
        return {
            name: said if isinstance(said, str) else (await said.read()).decode()
            for name, said in sent.items()
        }


# what the guard costs is seen beside an application without it
if not os.environ.get("SHOP_UNGUARDED"):
    FastApiRASP(app)


class NamesItsWorker:
    """Has every answer say which process it is from, refusals too."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        async def named(message):
            if message["type"] == "http.response.start":
                worker = (b"x-worker", str(os.getpid()).encode())
                message = {**message, "headers": [*message.get("headers", ()), worker]}
            await send(message)

        await self.app(scope, receive, named)


if os.environ.get("SHOP_NAMES_WORKERS"):
    app.add_middleware(NamesItsWorker)

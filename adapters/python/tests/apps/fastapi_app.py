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


FastApiRASP(app)

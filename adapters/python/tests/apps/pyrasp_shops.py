"""One shop on each of the platforms that pyrasp 0.10 added, and on Flask, guarded by a genuine pyrasp.

``pyrasp_shops.py PLATFORM`` listens on a port of loopback that it prints. ``/find?q=…`` says what
was looked for, and ``/key`` what no page should. The shops of MCP are a tool and a host of a real
FastMCP, asked by its own client for every request that comes.
"""

from __future__ import annotations

import asyncio
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit
from wsgiref.simple_server import WSGIRequestHandler, make_server

#: The example of Amazon's documentation.
LEAK = "AKIAIOSFODNN7EXAMPLE"


def said(path: str, query: str) -> str:
    """What the shop says."""
    if path == "/key":
        return f"the key is {LEAK}, keep it"
    return f"found {parse_qs(query).get('q', ['nothing'])[0]}"


def listens(port: int) -> None:
    print(f"Running on http://127.0.0.1:{port}", flush=True)


def flask() -> None:
    from flask import Flask, request
    from pyrasp.pyrasp import FlaskRASP

    app = Flask(__name__, static_folder=None)

    @app.get("/")
    @app.get("/find")
    @app.get("/key")
    def shop():
        return said(request.path, request.query_string.decode())

    FlaskRASP(app)
    app.run(host="127.0.0.1", port=0)


def wsgi() -> None:
    from pyrasp.wsgirasp import WsgiRASP

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
        return [said(environ["PATH_INFO"], environ["QUERY_STRING"]).encode()]

    class Quiet(WSGIRequestHandler):
        def log_message(self, format, *args):
            pass

    server = make_server("127.0.0.1", 0, WsgiRASP(app), handler_class=Quiet)
    listens(server.server_port)
    server.serve_forever()


def asgi() -> None:
    import socket

    import uvicorn
    from pyrasp.asgirasp import AsgiRASP

    async def app(scope, receive, send):
        if scope["type"] != "http":
            return
        body = said(scope["path"], scope["query_string"].decode()).encode()
        # of an answer that does not say how long it is, the rest is cut off
        headers = [(b"content-type", b"text/plain; charset=utf-8")]
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    listener = socket.create_server(("127.0.0.1", 0))
    listens(listener.getsockname()[1])
    config = uvicorn.Config(AsgiRASP(app), log_level="error", lifespan="off")
    uvicorn.Server(config).run([listener])


def aiohttp() -> None:
    import socket

    from aiohttp import web
    from pyrasp.aiohttprasp import AiohttpRASP

    async def shop(request):
        return web.Response(text=said(request.path, request.query_string))

    app = web.Application()
    for path in ("/", "/find", "/key"):
        app.router.add_get(path, shop)
    AiohttpRASP(app)
    listener = socket.create_server(("127.0.0.1", 0))
    listens(listener.getsockname()[1])
    web.run_app(app, sock=listener, print=None)


def mcp(platform: str) -> None:
    from fastmcp import Client, FastMCP

    server = FastMCP("shop")
    if platform == "MCP Tool":
        from pyrasp.mcptoolrasp import McpToolRASP

        rasp = McpToolRASP(server)

        @server.tool
        @rasp.register
        def find(path: str, wanted: str) -> str:
            return said(path, urlencode({"q": wanted}))

        name = "find"
    else:
        from pyrasp.mcphostrasp import McpHostRASP

        rasp = McpHostRASP(server)
        name = "rasp_mcp_in"

    async def ask(path: str, query: str) -> str:
        arguments = {"path": path, "wanted": parse_qs(query).get("q", ["nothing"])[0]}
        if platform == "MCP Host":
            arguments = {"data": arguments}
        async with Client(server) as client:
            answer = await client.call_tool(name, arguments)
            return answer.content[0].text

    class Front(BaseHTTPRequestHandler):
        def do_GET(self):
            asked = urlsplit(self.path)
            body = asyncio.run(ask(asked.path, asked.query)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format, *args):
            pass

    front = ThreadingHTTPServer(("127.0.0.1", 0), Front)
    listens(front.server_port)
    front.serve_forever()


platform = sys.argv[1]
if platform.startswith("MCP "):
    mcp(platform)
else:
    {"Flask": flask, "WSGI": wsgi, "ASGI": asgi, "aiohttp": aiohttp}[platform]()

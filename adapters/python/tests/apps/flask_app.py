"""A shop in Flask, guarded in one line."""

import os

from buckler import FlaskRASP
from flask import Flask, request

app = Flask(__name__, static_folder=None)


@app.get("/")
def index():
    return "welcome"


@app.get("/items/<int:number>")
def item(number: int):
    return f"item {number}"


@app.get("/login")
def login():
    return "a form"


@app.get("/missing")
def missing():
    return "no such thing", 404


@app.get("/broken")
def broken():
    raise RuntimeError("as it happens")


@app.get("/worker")
def worker():
    return str(os.getpid())


@app.post("/echo")
def echo():
    if "raw" in request.args:
        # past the framework, which reads nothing where no length is named and no end is promised
        return request.environ["wsgi.input"].read(), {"Content-Type": "application/octet-stream"}
    return request.get_data(), {"Content-Type": "application/octet-stream"}


@app.post("/form")
def form():
    files = {name: sent.read().decode() for name, sent in request.files.items()}
    return request.form.to_dict() | files


# what the guard costs is seen beside an application without it
if not os.environ.get("SHOP_UNGUARDED"):
    FlaskRASP(app)


def names_its_worker(guarded):
    """Has every answer say which process it is from, refusals too."""

    def application(environ, start_response):
        def start(status, headers, *more):
            return start_response(status, [*headers, ("X-Worker", str(os.getpid()))], *more)

        return guarded(environ, start)

    return application


if os.environ.get("SHOP_NAMES_WORKERS"):
    app.wsgi_app = names_its_worker(app.wsgi_app)

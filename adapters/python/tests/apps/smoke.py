"""Uses the package with nothing but the standard library: an application in plain WSGI, which lets a visitor in and refuses an attacker.

Prints `guards` when it does.
"""

from __future__ import annotations

import sys
from wsgiref.util import setup_testing_defaults

from buckler.wsgi import Middleware


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"welcome"]


def ask(guarded, path: str) -> tuple[str, bytes]:
    told: list[str] = []
    environ: dict[str, object] = {"PATH_INFO": path, "REMOTE_ADDR": "203.0.113.9"}
    setup_testing_defaults(environ)
    answer = guarded(environ, lambda status, headers, exc_info=None: told.append(status))
    return told[0], b"".join(answer)


guarded = Middleware(application)
asked = [ask(guarded, path) for path in ("/", "/.git/config")]
if asked[0] != ("200 OK", b"welcome") or not asked[1][0].startswith("403 "):
    sys.exit(f"it answered {asked}")
print("guards")

"""WSGI middleware: for Flask, and for whatever else speaks WSGI.

::

    from buckler.wsgi import Middleware

    application = Middleware(application, cloud_url="https://cloud.example.com/config", key="0b7e2d54")

What it does to a request:

- Before the application sees it, the guard judges address, host, path, query and headers, and then the beginning of its body. A refused
  request gets the configured answer.
- The application gets the body byte for byte: what was looked at is shown to it again. At most 64 KiB are waited for, and nothing where
  the request announces no body. What is longer, or comes without being announced, is looked into as the application reads it: where an
  attack is found there, the application reads an error, and its answer is replaced. Nothing is read where no check looks into bodies.
- Of a refused request the rest of the body is read and thrown away, within bounds, so that proxies find the answer. ``buckler.refusal``
  in the environment is the :class:`buckler.Refusal`, for middlewares around this one: ``id`` and ``status``.
- When the application has begun to answer, the status is counted, and a 404 or 410 for which there was no route is judged by its path;
  nothing of the answer has been sent then, so that it can be replaced. Where the ``dlp`` check is on, the beginning of a text (64 KiB) is
  judged before any of it is sent; of a stream whose length is unknown, its first piece.
- An exception of the application's goes on to the server, and is counted as a 500.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ._agent import Agent, agent_for
from ._buckler import Request
from ._failure import failed
from ._routes import Found, harmless
from ._watch import Watch
from ._wsgi_answer import Answer, StartResponse, refuse
from ._wsgi_body import Environ, look, may_have_body

Application = Callable[[Environ, StartResponse], Iterable[bytes]]
Resolve = Callable[[Environ], Found]


class Middleware:
    """Guards a WSGI application.

    :param app: the application
    :param agent: the agent; without one, the other parameters, which are :class:`buckler.Agent`'s, make one
    :param resolve: tells from the environment the pattern of the application's route
        (``/items/{id}``), or whether there is one. It is asked for probes, for answers 404 and 410,
        and where something is found, which is then told with its route
    """

    def __init__(
        self,
        app: Application,
        agent: Agent | None = None,
        *,
        resolve: Resolve | None = None,
        **said: Any,
    ) -> None:
        self.app = app
        self.agent = agent_for(agent, "WSGI", said)
        self.resolve = harmless(resolve) if resolve else None

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        agent = self.agent
        watch = None
        try:
            request = Request.from_wsgi(environ)
            refusal = agent.check(request, self.resolve, environ)
            if refusal is None and may_have_body(environ):
                wanted = agent.wants_body(request)
                if wanted is not None:
                    # a copy: the body that the environment is about to hold has the watch
                    watch = Watch(agent, request, wanted, self.resolve, dict(environ) if self.resolve else None)
                    refusal = look(environ, watch)
        except Exception:
            refusal = failed(agent, "the check of a request")
            if refusal is None:
                return self.app(environ, start_response)
        if refusal is not None:
            return refuse(refusal, environ, start_response)
        answer = Answer(self, request, watch, environ, start_response)
        try:
            body = self.app(environ, answer.start)
        except Exception:
            late = answer.late()
            if late is None:
                answer.broke()
                raise
            return refuse(late, environ, start_response)
        return answer.of(body)

"""FastAPI, and Starlette, in one line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ._application import Application
from ._asgi_body import Scope
from ._routes import Found, is_catch_all
from .asgi import Middleware

if TYPE_CHECKING:
    from starlette.applications import Starlette


class FastApiRASP(Application["Starlette"]):
    """Guards a FastAPI application::

        app = FastAPI()
        FastApiRASP(app, cloud_url="https://cloud.example.com/config", key="0b7e2d54")

    It adds :class:`buckler.asgi.Middleware`, outside all that were added before: add it last. Routes may be added later: the agent
    begins with the first request.

    The parameters are :class:`buckler.Agent`'s.
    """

    _platform = "FastAPI"

    def _wrap(self, app: Starlette) -> None:
        guarded: Any = Middleware
        app.add_middleware(guarded, agent=self.agent, resolve=self._route)

    def _routes(self) -> dict[str, tuple[list[str], str]]:
        routes: dict[str, tuple[list[str], str]] = {}
        if self._app is not None:
            _list(self._app.routes, "", routes)
        return routes

    def _route(self, scope: Scope) -> Found:
        return _pattern(self._app.routes, scope, "") if self._app is not None else None


def _list(routes: Iterable[Any], prefix: str, listed: dict[str, tuple[list[str], str]]) -> None:
    for route in routes:
        path = prefix + getattr(route, "path", "")
        inner = getattr(route, "routes", None)
        if inner:
            _list(inner, path, listed)
            continue
        methods = sorted(getattr(route, "methods", None) or ())
        name = getattr(route, "name", None) or path
        # several routes may have one name: methods of the same path are put together, others keep their paths
        known_methods, known_path = listed.get(name, (methods, path))
        if known_path == path:
            listed[name] = (sorted({*known_methods, *methods}), path)
        else:
            listed[path] = (methods, path)


def _pattern(routes: Iterable[Any], scope: Scope, prefix: str) -> str | None:
    """The pattern of the first route that takes a request.

    Else of the first that has its path and other methods.
    """
    from starlette.routing import Match

    others: str | None = None
    for route in routes:
        match, child = route.matches(scope)
        if match is Match.NONE:
            continue
        path = getattr(route, "path", "")
        inner = getattr(route, "routes", None)
        if inner:
            found = _pattern(inner, {**scope, **child}, prefix + path)
        else:
            found = prefix + path if path and not is_catch_all(path) else None
        if found and match is Match.FULL:
            return found
        others = others or found
    return others

"""FastAPI, and Starlette, in one line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ._agent import Agent, Settings
from ._routes import is_catch_all
from .asgi import Middleware, Scope

if TYPE_CHECKING:
    from starlette.applications import Starlette


class FastApiRASP:
    """Guards a FastAPI application::

        app = FastAPI()
        FastApiRASP(app, cloud_url="https://cloud.example.com/config", key="0b7e2d54")

    It adds :class:`buckler.asgi.Middleware`, outside all that were added before: add it last. Routes may be added later: the agent
    begins with the first request.

    The parameters are :class:`buckler.Agent`'s.
    """

    def __init__(
        self,
        app: Starlette | None = None,
        template: str | None = None,
        conf: str | os.PathLike[str] | None = None,
        params: Mapping[str, Any] | None = None,
        key: str | None = None,
        cloud_url: str | None = None,
        *,
        settings: Settings | None = None,
    ) -> None:
        self._app: Starlette | None = None
        self.agent = Agent(
            template,
            conf,
            params,
            key,
            cloud_url,
            settings=settings,
            platform="FastAPI",
            routes=self._routes,
        )
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Starlette) -> None:
        """Guards this application."""
        if self._app is not None:
            raise RuntimeError(
                "this guards an application already: another one wants its own FastApiRASP"
            )
        self._app = app
        guarded: Any = Middleware
        app.add_middleware(guarded, agent=self.agent, resolve=self._has_route)

    def _routes(self) -> dict[str, tuple[list[str], str]]:
        routes: dict[str, tuple[list[str], str]] = {}
        if self._app is not None:
            _list(self._app.routes, "", routes)
        return routes

    def _has_route(self, scope: Scope) -> bool:
        return self._app is not None and _matches(self._app.routes, scope)


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


def _matches(routes: Iterable[Any], scope: Scope) -> bool:
    from starlette.routing import Match

    for route in routes:
        match, child = route.matches(scope)
        if match is Match.NONE:
            continue
        inner = getattr(route, "routes", None)
        if inner:
            if _matches(inner, {**scope, **child}):
                return True
        elif getattr(route, "path", "") and not is_catch_all(route.path):
            return True
    return False

"""What frameworks have in common whose application is an object: it is guarded where it is made, or later."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from ._agent import Agent, Settings

App = TypeVar("App")


class Application(ABC, Generic[App]):
    """An agent, and the one application that it guards."""

    _platform: str

    def __init__(
        self,
        app: App | None = None,
        template: str | None = None,
        conf: str | os.PathLike[str] | None = None,
        params: Mapping[str, Any] | None = None,
        key: str | None = None,
        cloud_url: str | None = None,
        *,
        settings: Settings | None = None,
    ) -> None:
        self._app: App | None = None
        self.agent = Agent(
            template,
            conf,
            params,
            key,
            cloud_url,
            settings=settings,
            platform=self._platform,
            routes=self._routes,
        )
        if app is not None:
            self.init_app(app)

    def init_app(self, app: App) -> None:
        """Guards this application."""
        if self._app is not None:
            own = type(self).__name__
            raise RuntimeError(
                f"this guards an application already: another one wants its own {own}"
            )
        self._app = app
        self._wrap(app)

    @abstractmethod
    def _wrap(self, app: App) -> None:
        """Puts the guard around it."""

    @abstractmethod
    def _routes(self) -> dict[str, tuple[list[str], str]]:
        """Lists its routes, as far as it has any yet."""

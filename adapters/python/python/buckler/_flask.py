"""Flask in one line."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ._application import Application
from ._routes import Found
from .wsgi import Middleware

if TYPE_CHECKING:
    from flask import Flask


class FlaskRASP(Application["Flask"]):
    """Guards a Flask application::

        app = Flask(__name__)
        FlaskRASP(app, cloud_url="https://cloud.example.com/config", key="0b7e2d54")

    It wraps the application as :class:`buckler.wsgi.Middleware`, outside everything that wrapped it before. Routes may be added later:
    the agent begins with the first request. ``init_app`` does the same for an application that does not exist yet.

    The parameters are :class:`buckler.Agent`'s.
    """

    _platform = "Flask"

    def _wrap(self, app: Flask) -> None:
        app.wsgi_app = Middleware(  # type: ignore[method-assign]
            app.wsgi_app, self.agent, resolve=self._route
        )

    def _routes(self) -> dict[str, tuple[list[str], str]]:
        rules = self._app.url_map.iter_rules() if self._app else ()
        return {rule.endpoint: (sorted(rule.methods or ()), rule.rule) for rule in rules}

    def _route(self, environ: dict[str, Any]) -> Found:
        from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

        if self._app is None:
            return False
        adapter = self._app.create_url_adapter(self._app.request_class(environ))
        if adapter is None:
            return False
        try:
            rule, _ = adapter.match(return_rule=True)
        except NotFound:
            return False
        except MethodNotAllowed as error:
            with suppress(HTTPException):
                rule, _ = adapter.match(
                    method=next(iter(error.valid_methods or ())), return_rule=True
                )
                return str(rule.rule)
            return True
        except HTTPException:
            # a slash that is missing
            return True
        return str(rule.rule)

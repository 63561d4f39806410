"""What the hosts of functions have in common: their process may stand still between requests, for hours and without notice."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from ._agent import Agent, Settings
from ._answer import has_content
from ._buckler import Refusal, Request
from ._failure import failed, tell
from ._watch import Watch

Look = Callable[[Watch], "Refusal | None"]
"""Shows a body to the guard."""

# how long the first request waits for the server, in seconds: it is a cold start, which takes seconds anyway, and without the
# server's configuration and list it would be judged by less
FIRST = 2.0

# how long any later request waits for the server where an exchange is due, in seconds
LATER = 0.5


class Function:
    """An agent that speaks with its server within requests, when that is due: at no other time is its process sure to run."""

    _platform = "Python"

    def __init__(
        self,
        app: None = None,
        template: str | None = None,
        conf: str | os.PathLike[str] | None = None,
        params: Mapping[str, Any] | None = None,
        key: str | None = None,
        cloud_url: str | None = None,
        *,
        settings: Settings | None = None,
    ) -> None:
        if app is not None:
            raise TypeError(
                "app: functions have none; decorate the function with .register instead"
            )
        self._prepare()
        self.agent = Agent(
            template,
            conf,
            params,
            key,
            cloud_url,
            settings=settings,
            platform=self._platform,
            on_demand=True,
        )
        self._has_spoken = False

    def _prepare(self) -> None:
        """Does what the platform needs before the agent is made."""

    def _speak(self) -> None:
        """Exchanges with the server what is due. Whatever comes of it, the request goes on."""
        try:
            if not self._has_spoken:
                self._has_spoken = True
                self.agent.exchange(FIRST)
            elif self.agent.is_due():
                self.agent.exchange(LATER)
        except Exception:
            tell("the exchange with the server")

    def _check(
        self, read: Callable[[], tuple[Request, Look]]
    ) -> tuple[Request | None, Refusal | None]:
        """Judges a request and its body, which ``read`` reads."""
        self._speak()
        try:
            request, look = read()
            refusal = self.agent.check(request)
            if refusal is None:
                wanted = self.agent.wants_body(request)
                if wanted is not None:
                    refusal = look(Watch(self.agent, request, wanted))
            return request, refusal
        except Exception:
            return None, failed(self.agent, "the check of a request")

    def _check_answer(
        self,
        request: Request | None,
        status: int,
        kind: str = "",
        encoding: str = "",
        body: Callable[[], bytes] = bytes,
    ) -> Refusal | None:
        """Judges an answer."""
        if request is None:
            return None
        agent = self.agent
        try:
            refusal = None
            if kind and has_content(request.method, status):
                wanted = agent.wants_answer(request, kind, encoding)
                if wanted is not None:
                    whole = body()
                    refusal = agent.check_answer(request, whole[:wanted], len(whole) <= wanted)
            return refusal or agent.check_response(request, status)
        except Exception:
            return failed(agent, "the check of an answer")


def last_hop(forwarded: str | None) -> str | None:
    """Who connected to the platform's front end, which adds that at the end of ``X-Forwarded-For``: without its port."""
    last = (forwarded or "").rsplit(",", 1)[-1].strip()
    if last.startswith("["):
        return last[1:].split("]", 1)[0]
    if last.count(":") == 1:
        return last.split(":", 1)[0]
    return last or None

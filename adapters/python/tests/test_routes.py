"""Routes of the application's own, and what its answers say of them."""

from __future__ import annotations

from typing import Iterator

import pytest
from rig.client import CLIENT

from buckler import Agent
from buckler.wsgi import Middleware

#: A decoy that no detector knows as a probe, so that the application's answer tells.
DECOY_BY_ITS_ANSWER = "/archive/old-reports"


@pytest.fixture
def agent() -> Iterator[Agent]:
    made = Agent(params={"DECOY_ROUTES": [[DECOY_BY_ITS_ANSWER, "match"]]})
    yield made
    made.stop()


def ask(agent: Agent, status: str, has_route: bool) -> int:
    """Asks for the decoy an application that answers this status; the status that goes out."""

    def application(environ, start_response):
        start_response(status, [("Content-Type", "text/plain")])
        return [b"the application's own"]

    guarded = Middleware(application, agent, resolve=lambda environ: has_route)
    told: list[str] = []
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": DECOY_BY_ITS_ANSWER,
        "REMOTE_ADDR": CLIENT,
    }
    list(guarded(environ, lambda status, headers, exc_info=None: told.append(status)))
    return int(told[0].split()[0])


@pytest.mark.parametrize("status", ["404 Not Found", "410 Gone"])
def test_a_route_that_answers_so_is_no_decoy(agent: Agent, status: str) -> None:
    assert ask(agent, status, has_route=True) == int(status[:3])


@pytest.mark.parametrize("status", ["404 Not Found", "410 Gone"])
def test_a_decoy_is_confirmed_by_what_nothing_answers(agent: Agent, status: str) -> None:
    assert ask(agent, status, has_route=False) == 403


def test_whoever_gets_an_answer_asked_for_no_decoy(agent: Agent) -> None:
    assert ask(agent, "200 OK", has_route=False) == 200

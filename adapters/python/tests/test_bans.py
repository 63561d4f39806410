"""Bans by the application itself, without a server."""

from __future__ import annotations

import pytest

from buckler import Agent, Request

CLIENT, RANGE = "203.0.113.9", "198.51.100.0/24"


def passes(agent: Agent, client: str) -> bool:
    return agent.check(Request("GET", "/", [("accept", "*/*")], peer=client)) is None


def test_a_client_is_banned_and_let_in() -> None:
    agent = Agent()
    try:
        assert agent.bans() == []
        agent.ban(CLIENT, 3600, "seen in the log")
        agent.ban(RANGE, 60)
        assert [ban["network"] for ban in agent.bans()] == [RANGE, CLIENT]
        assert agent.bans()[0]["until_ms"] > 0
        assert not passes(agent, CLIENT) and not passes(agent, "198.51.100.7")
        assert passes(agent, "203.0.113.10")
        assert agent.unban(CLIENT) == "let_in"
        assert agent.unban(CLIENT) == "not_banned"
        assert passes(agent, CLIENT)
    finally:
        agent.stop()


def test_a_body_is_judged_by_itself() -> None:
    agent = Agent()
    try:
        form = [("content-type", "application/x-www-form-urlencoded")]
        request = Request("POST", "/", form, peer=CLIENT)
        assert agent.check(request) is None
        assert agent.check_body(request, b"a=1&b=2") is None
        refused = agent.check_body(request, b"a=1' OR '1'='1")
        assert refused is not None and refused.status == 403
    finally:
        agent.stop()


@pytest.mark.parametrize(
    ("network", "seconds", "said"),
    [
        ("a client", 60, "CIDR"),
        ("127.0.0.1", 60, "this host"),
        ("198.0.0.0/8", 60, "/16"),
        (CLIENT, 0, "one second"),
        (CLIENT, -1, "one second"),
    ],
)
def test_what_cannot_be_banned_is_named(network: str, seconds: float, said: str) -> None:
    agent = Agent()
    try:
        with pytest.raises(ValueError, match=said):
            agent.ban(network, seconds)
        assert agent.bans() == []
    finally:
        agent.stop()

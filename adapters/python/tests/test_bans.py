"""Bans by the application itself, without a server."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from rig.waiting import wait_for

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
        assert agent.bans()[0]["id"]
        assert not passes(agent, CLIENT) and not passes(agent, "198.51.100.7")
        assert passes(agent, "203.0.113.10")
        assert agent.unban(CLIENT) == "let_in"
        assert agent.unban(CLIENT) == "not_banned"
        assert passes(agent, CLIENT)
    finally:
        agent.stop()


def test_the_server_is_tried_again_at_once() -> None:
    """Its key was refused, for which an agent waits minutes; an operator has mended it."""
    asked: list[str] = []

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.command)
            self.send_response(403)
            self.send_header("content-length", "0")
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    agent = Agent(cloud_url=f"http://127.0.0.1:{server.server_port}/config", key="key", settings={"transport": {"kind": "http-polling"}})
    try:
        agent.start()
        for _ in range(3):
            wait_for("it waits", lambda: agent.status()["conversation"]["state"] == "blocked")
            before = len(asked)
            agent.retry_now()
            wait_for("it has asked again", lambda: len(asked) > before)
    finally:
        agent.stop()
        server.shutdown()


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

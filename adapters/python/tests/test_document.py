"""The vendor's page about cloud operations, sentence by sentence, for each of the six classes.

The page names one URL. A ``POST`` to it is the connection, and nothing is said of its answer; configuration and blacklist come with a
``GET``.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from buckler import _logs
from rig.client import ANOTHER, CLIENT, DECOY
from rig.cloud import KEY
from rig.document import LISTED, LONG_AGO, MESSAGE, NEW, Document
from rig.hosts import APPS
from rig.members import MEMBERS, Member
from rig.programs import environment
from rig.waiting import wait_for

#: Starts a member with a server whose ``POST`` is answered so.
Join = Callable[..., "tuple[Document, Member]"]

#: An attack in a query.
INJECTION = "/items?q=1%27+OR+%271%27%3D%271"

#: As often as an agent may be told to ask again, in seconds.
OFTEN = 10


@pytest.fixture(params=MEMBERS)
def join(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Join]:
    """Each class, with servers of the test's own."""
    running: list[tuple[Document, Member]] = []

    def start(
        posted: int | str | None = 200,
        *,
        beacon: bool = False,
        listed: bool = True,
        instead: object = None,
        **config: object,
    ) -> tuple[Document, Member]:
        document = Document(posted)
        document.instead = instead
        if not listed:
            document.blacklist = None
        if beacon:
            document.with_beacon()
        document.config |= config
        folder = tmp_path / f"member-{len(running)}"
        member = MEMBERS[request.param](document.url, folder)
        running.append((document, member))
        return document, member

    yield start
    for document, member in running:
        member.stop()
        document.stop()


def is_in_force(member: Member, client: str = LISTED, status: int = 451) -> None:
    """Waits until a client is answered so. Functions speak with their server when they are asked something, so all are."""
    wait_for(
        f"{client} is answered {status}",
        lambda: member.status("/", client) == status,
        member.written,
    )


def test_upon_connection_a_post_in_the_documented_format_is_sent(join: Join) -> None:
    document, member = join()
    is_in_force(member)
    [posted, *_] = document.asked
    assert (posted.method, posted.path) == ("POST", "/config")
    assert posted.kind.startswith("application/json")
    assert {"key", "version", "platform", "routes"} <= set(posted.json)
    assert (posted.json["key"], posted.json["platform"]) == (KEY, member.platform)
    for route in posted.json["routes"].values():
        assert isinstance(route["methods"], list) and route["path"].startswith("/")
    has_routes = member.platform in ("Flask", "FastAPI", "Django")
    assert bool(posted.json["routes"]) == has_routes, "functions have no routes"


@pytest.mark.parametrize("posted", [200, 204, "welcome", 404, 405, 501])
def test_configuration_and_blacklist_come_with_a_get(join: Join, posted: int | str) -> None:
    document, member = join(posted)
    is_in_force(member)
    for client in (ANOTHER, LONG_AGO):
        assert member.status("/", client) == 200
    methods = [asked.method for asked in document.asked]
    assert methods == ["POST", "GET"]


def test_configuration_and_blacklist_may_come_with_the_post(join: Join) -> None:
    document, member = join(None)
    is_in_force(member)
    assert member.status("/", ANOTHER) == 200
    assert [asked.method for asked in document.asked] == ["POST"]


def test_the_list_is_optional_and_the_hosts_are_those_of_the_document(join: Join) -> None:
    _, member = join(listed=False, SECURITY_CHECKS={"spoofing": 1})
    elsewhere = "elsewhere.example.com"

    def is_refused() -> bool:
        return member.ask("/", CLIENT, elsewhere) == (451, MESSAGE)

    wait_for("another host is refused", is_refused, member.written)
    for client in (LISTED, ANOTHER):
        assert member.status("/", client) == 200


@pytest.mark.parametrize("instead", [["config"], "<html>"])
def test_what_is_no_document_leaves_an_agent_with_its_own(join: Join, instead: object) -> None:
    document, member = join(instead=instead)

    def is_asked() -> bool:
        assert member.status("/", ANOTHER) == 200
        return document.to("GET") != []

    wait_for("the document is asked for", is_asked, member.written)
    assert member.status(DECOY, CLIENT) == 403
    wait_for("the ban is in force", lambda: member.status("/", CLIENT) == 403, member.written)
    assert member.status("/", ANOTHER) == 200


def test_the_message_and_the_status_answer_every_refusal(join: Join) -> None:
    flood = {"FLOOD_RATIO": 5, "FLOOD_DELAY": 3600, "FLOOD_BURST": 5}
    _, member = join(SECURITY_CHECKS={"sqli": 1, "flood": 1}, **flood)
    is_in_force(member)
    # one that is listed, one that is banned, one that is refused and no more, and one that is
    # throttled
    blocked = "203.0.113.21"
    for path, client in (("/", LISTED), (DECOY, CLIENT), (INJECTION, blocked)):
        assert member.ask(path, client) == (451, MESSAGE)
    assert member.status("/", blocked) == 200
    asked = [member.ask("/", "203.0.113.22") for _ in range(6)]
    assert [status for status, _ in asked] == [200] * 5 + [451]
    assert asked[-1] == (451, MESSAGE)


@pytest.mark.parametrize("status", [403, 410])
def test_the_status_answers_a_flood_be_it_the_usual_one(join: Join, status: int) -> None:
    flood = {"FLOOD_RATIO": 5, "FLOOD_DELAY": 3600, "FLOOD_BURST": 5}
    _, member = join(SECURITY_CHECKS={"flood": 1}, DENY_STATUS_CODE=status, **flood)
    is_in_force(member, status=status)
    asked = [member.status("/", "203.0.113.22") for _ in range(6)]
    assert asked == [200] * 5 + [status]


def test_updates_are_retrieved(join: Join) -> None:
    document, member = join(REFRESH_DELAY=OFTEN)
    is_in_force(member)

    def is_told() -> bool:
        # a function speaks with its server when it is asked something itself
        member.status("/", ANOTHER)
        return document.unchanged > 0

    wait_for("it is told that it has the document", is_told, member.written)
    document.config |= {"DENY_STATUS_CODE": 410}
    document.blacklist = {NEW: int(time.time())}
    is_in_force(member, NEW, 410)
    is_in_force(member, LISTED, 200)
    # it has the new one from here on
    document.unchanged = 0
    wait_for("it is told so of the new one", is_told, member.written)
    assert member.status("/", NEW) == 410
    # a function's exchange that takes longer than a request waits is given up, and begun with a post
    assert len(document.to("POST")) == 1 or member.platform not in ("Flask", "FastAPI", "Django")


def test_status_telemetry_and_new_entries_are_sent_and_entries_are_taken(join: Join) -> None:
    document, member = join(beacon=True)
    is_in_force(member, NEW)
    assert member.status(DECOY, CLIENT) == 451
    is_in_force(member, LISTED, 200)

    def shared() -> set[str]:
        member.status("/", LISTED)
        told = document.to("POST", "/status")
        return {entry[0] for one in told for entry in one.json.get("blacklist") or []}

    wait_for("the server has the agent's entry", lambda: CLIENT in shared(), member.written)

    def told() -> list[dict[str, Any]]:
        member.status("/", LISTED)
        return [one.json for one in document.to("POST", "/status")]

    wait_for("its status is told regularly", lambda: len(told()) >= 3, member.written)
    for beacon in told():
        assert beacon["key"] == KEY
        assert 0 <= beacon["telemetry"]["cpu"] and 0 < beacon["telemetry"]["memory"] <= 100

    def counted() -> int:
        return sum(beacon["telemetry"]["requests"]["success"] for beacon in told())

    wait_for("requests are counted", lambda: counted() >= 3, member.written)


def test_the_configuration_url_is_displayed_at_start(
    join: Join, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # where it runs in this process: as where no logging is set up, as pytest has
    monkeypatch.setattr(_logs, "_logger", logging.Logger("buckler"))
    document, member = join()
    is_in_force(member)
    written = member.written() or capfd.readouterr().err
    assert document.url in written
    assert KEY not in written


#: How each class is given the URL and the key in code, as the page shows it.
IN_CODE = {
    "FlaskRASP": "from flask import Flask; rasp = FlaskRASP(Flask('shop'), cloud_url=URL, key=KEY)",
    "FastApiRASP": "from fastapi import FastAPI; rasp = FastApiRASP(FastAPI(), cloud_url=URL, key=KEY)",
    "DjangoRASP": (
        "from django.conf import settings\n"
        "settings.configure(PYRASP_CLOUD_URL=URL, PYRASP_KEY=KEY)\n"
        "rasp = DjangoRASP(lambda request: None)"
    ),
    "LambdaRASP": "rasp = LambdaRASP(cloud_url=URL, key=KEY)\n@rasp.register\ndef f(event, context): ...",
    "GcpRASP": "rasp = GcpRASP(cloud_url=URL, key=KEY)\n@rasp.register\ndef f(event, context): ...",
    "AzureRASP": "rasp = AzureRASP(cloud_url=URL, key=KEY)\n@rasp.register\ndef f(req): ...",
}

#: The same where the environment says it.
BY_VARIABLES = {
    "FlaskRASP": "from flask import Flask; rasp = FlaskRASP(Flask('shop'))",
    "FastApiRASP": "from fastapi import FastAPI; rasp = FastApiRASP(FastAPI())",
    "DjangoRASP": (
        "from django.conf import settings\n"
        "settings.configure()\n"
        "rasp = DjangoRASP(lambda request: None)"
    ),
    "LambdaRASP": "rasp = LambdaRASP()",
    "GcpRASP": "rasp = GcpRASP()",
    "AzureRASP": "rasp = AzureRASP()",
}


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize("way", ["code", "variables"])
def test_url_and_key_are_given_in_code_or_by_variables(name: str, way: str) -> None:
    url = "https://pyrasp.my.org/config"
    variables = {"PYRASP_CLOUD_URL": url, "PYRASP_KEY": KEY} if way == "variables" else {}
    made = {"code": IN_CODE, "variables": BY_VARIABLES}[way][name]
    source = f"from buckler.pyrasp import {name}\nURL, KEY = {url!r}, {KEY!r}\n{made}\nprint(rasp.agent.cloud_url)"
    ran = subprocess.run(
        [sys.executable, "-c", source],
        env=environment(variables),
        cwd=APPS,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == f"{url}\n"
    assert f"configuration from {url}" in ran.stderr, "it is displayed"
    assert KEY not in ran.stderr


#: What the page shows for functions, with our package for pyrasp's.
OF_THE_PAGE = """
@{name}(cloud_url = 'https://pyrasp.my.org/config', key = '000000-1111-2222-3333-44444444').register
def lambda_handler(event, context):
    ...
"""


@pytest.mark.parametrize("name", ["LambdaRASP", "GcpRASP", "AzureRASP"])
def test_functions_are_decorated_as_on_the_page(name: str) -> None:
    made = OF_THE_PAGE.format(name=name)
    source = f"from buckler.pyrasp import {name}{made}print(lambda_handler.__name__)"
    ran = subprocess.run(
        [sys.executable, "-c", source],
        env=environment({}),
        cwd=APPS,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ran.returncode, ran.stdout) == (0, "lambda_handler\n"), ran.stderr
    assert "configuration from https://pyrasp.my.org/config" in ran.stderr

"""Genuine agents of pyrasp 0.10 on the platforms that it added.

They do what only their releases know of a configuration, and are shown as what they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Callable
from urllib.parse import quote

import pytest
from rig.client import ANOTHER, Answer, Client
from rig.cloud import KEY, Cloud, target
from rig.hosts import APPS
from rig.programs import Program
from rig.waiting import LONG_PATIENCE, wait_for

#: Those that need what `.ci/python` installs apart.
MORE = ("aiohttp", "MCP Tool", "MCP Host")

#: What looks like a Latin letter, and is none; and what is not seen at all.
CYRILLIC, INVISIBLE = (f"/find?q=p{quote(letter)}y" for letter in "\u0430\u200b")
HONEST = "/find?q=pay"
#: Answers with a key of Amazon's.
LEAK = "/key"

#: Models take seconds to load; and what is found first, if only to be logged, is all that is found.
PLAIN = {"flood": 0, "xss": 0, "sqli": 0, "bots": 0}


class Shop(Client):
    """A guarded shop."""

    def __init__(self, platform: str, program: Program) -> None:
        port = program.says(r"Running on http://127\.0\.0\.1:(\d+)", LONG_PATIENCE).group(1)
        super().__init__(("127.0.0.1", int(port)))
        self.platform = platform
        self.written = program.written

    def refuses(self, path: str, status: int = 403) -> bool:
        answer = self.get(path, ANOTHER)
        if self.platform == "MCP Tool":
            # the result of a tool has no status
            return answer.text == "Blocked"
        return answer.status == status

    def answers(self, path: str) -> bool:
        answer: Answer = self.get(path, ANOTHER)
        return answer.status == 200 and answer.text != "Blocked"


#: Starts a shop on each of these platforms with this server.
Open = Callable[..., "list[Shop]"]


@pytest.fixture(params=["0.10.0", "0.10.2"])
def release(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def shops(release: str, tmp_path: Path) -> Iterator[Open]:
    programs: list[Program] = []
    home = target() / "python"

    def start(cloud: Cloud, *platforms: str) -> list[Shop]:
        if not (home / f"pyrasp-{release}" / "stamp").exists():
            pytest.skip(f"pyrasp {release} could not be installed here: it needs Python 3.12")
        if not (home / "platforms" / "stamp").exists():
            platforms = tuple(platform for platform in platforms if platform not in MORE)
        begun = []
        for platform in platforms:
            python = home / f"pyrasp-{release}" / "bin" / "python"
            log = tmp_path / f"{platform}.log"
            env = {"PYRASP_CLOUD_URL": cloud.url, "PYRASP_KEY": KEY}
            command = [str(python), str(APPS / "pyrasp_shops.py"), platform]
            begun.append(Program(command, log=log, env=env))
        programs.extend(begun)
        return [Shop(platform, program) for platform, program in zip(platforms, begun)]

    yield start
    for program in programs:
        program.kill()


def test_each_platform_does_what_only_its_release_knows_and_is_shown(
    release: str, shops: Open, tmp_path: Path
) -> None:
    checks = PLAIN | {"chars": 1}
    cloud = Cloud(tmp_path / "cloud", SECURITY_CHECKS=checks, CHARS_CYRILLIC=True)
    try:
        platforms = ("Flask", "WSGI", "ASGI", "aiohttp", "MCP Tool", "MCP Host")
        *judging, last = shops(cloud, *platforms)
        if last.platform != "MCP Host":
            judging.append(last)
        for shop in judging:
            assert shop.refuses(CYRILLIC), (shop.platform, shop.written())
            for path in (INVISIBLE, HONEST, LEAK):
                assert shop.answers(path), (shop.platform, path, shop.written())
        # its host of tools says yes to all that it is asked for: that it answers is all there is
        assert last.answers(HONEST)

        def is_shown(shop: Shop) -> bool:
            # pyrasp forgets what it counts while a beacon is answered
            assert shop.answers(HONEST)
            assert shop is last or shop.refuses(CYRILLIC)
            [agent] = [agent for agent in cloud.agents() if agent["platform"] == shop.platform]
            assert (agent["version"], agent["state"]) == (release, "online")
            if shop.platform.startswith("MCP "):
                # those count no requests
                return "telemetry" in agent
            return agent["totals"]["success"] > 0 and agent["totals"]["attacks"] > 0

        for shop in (*judging, last):
            shown = f"{shop.platform} is shown with what it told"
            wait_for(shown, lambda: is_shown(shop), cloud.agents)

        changed = PLAIN | {"chars": 1, "dlp": 1}
        cloud.configure(
            SECURITY_CHECKS=changed, CHARS_CYRILLIC=False, CHARS_INVISIBLE=True, DLP_API=True
        )
        for shop in judging:
            wait_for("the leak is held back", lambda: shop.refuses(LEAK), shop.written)
            assert shop.refuses(INVISIBLE)
            assert shop.answers(CYRILLIC) and shop.answers(HONEST)
        assert len(cloud.agents()) == len({*judging, last}), "none is told apart from itself"
    finally:
        cloud.stop()


@pytest.mark.parametrize(("template", "leaks"), [("default", True), ("audit", False)])
def test_a_template_is_taken(shops: Open, tmp_path: Path, template: str, leaks: bool) -> None:
    # what is looked for in answers is the template's: the configuration itself does not say it
    checks = PLAIN | {"dlp": 1}
    cloud = Cloud(tmp_path / "cloud", template=template, SECURITY_CHECKS=checks)
    try:
        [shop] = shops(cloud, "Flask")
        assert f"Loading template configuration: {template}" in shop.written()
        assert shop.answers(HONEST)
        assert (shop.answers(LEAK), shop.refuses(LEAK)) == (leaks, not leaks)
        # it comes with a changed configuration too, which a beacon brings
        checks |= {"chars": 1}
        cloud.configure(DENY_STATUS_CODE=418, SECURITY_CHECKS=checks, CHARS_CYRILLIC=True)
        wait_for("it is in force", lambda: shop.refuses(CYRILLIC, 418), shop.written)
        assert (shop.answers(LEAK), shop.refuses(LEAK, 418)) == (leaks, not leaks)
    finally:
        cloud.stop()

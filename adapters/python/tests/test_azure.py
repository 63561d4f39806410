"""An Azure Function, called with the types that Azure's worker calls it with; the worker itself runs in Azure alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from rig.client import ANOTHER, CLIENT, DECOY, HOST
from rig.cloud import KEY, QUIET, Cloud
from rig.waiting import wait_for

func = pytest.importorskip("azure.functions", reason="azure-functions could not be installed here")

#: Calls the function as a client does.
Call = Callable[..., Any]


@pytest.fixture
def call(cloud: Cloud, tmp_path: Path) -> Iterator[Call]:
    from buckler import AzureRASP

    conf = tmp_path / "rasp.json"
    conf.write_text(json.dumps(QUIET))
    rasp = AzureRASP(conf=str(conf), cloud_url=cloud.url, key=KEY)

    @rasp.register
    def shop(req: func.HttpRequest) -> func.HttpResponse:
        if req.url.endswith("/gone"):
            return func.HttpResponse("no such thing", status_code=404)
        return func.HttpResponse(req.get_body() or b"welcome")

    def ask(path: str, client: str = CLIENT, body: bytes = b"") -> Any:
        # Azure's front end appends the client with its port
        headers = {"Host": HOST, "X-Forwarded-For": f"{client}:51234"}
        headers["Content-Type"] = "application/octet-stream"
        raw, _, query = path.partition("?")
        params = dict(pair.split("=", 1) for pair in query.split("&") if pair)
        return shop(
            func.HttpRequest(
                "POST" if body else "GET",
                f"https://{HOST}{path}",
                headers=headers,
                params=params,
                route_params={"rest": raw.lstrip("/")},
                body=body,
            )
        )

    yield ask


def test_it_registers_and_answers(call: Call, cloud: Cloud) -> None:
    assert call("/").get_body() == b"welcome"
    assert call("/gone").status_code == 404

    def registered() -> list[dict[str, Any]]:
        call("/", ANOTHER)
        return cloud.agents()

    [agent] = wait_for("it registers", registered)
    assert agent["platform"] == "Azure Function"


def test_an_attacker_is_refused_banned_and_shared(call: Call, cloud: Cloud) -> None:
    refused = call(DECOY)
    assert (refused.status_code, refused.get_body()[:9]) == (403, b"Blocked. ")
    wait_for("the ban is in force", lambda: call("/").status_code == 403)
    assert call("/items?q=1%27+OR+%271%27%3D%271", "203.0.113.11").status_code == 403

    def shared() -> bool:
        assert call("/", ANOTHER).status_code == 200
        return CLIENT in cloud.listed()

    wait_for("the ban is shared", shared, cloud.agents)


def test_who_is_listed_is_refused(call: Call, cloud: Cloud) -> None:
    cloud.admin("POST", "blacklist", {"address": "192.0.2.7", "ttl_s": 3600})
    wait_for("the list has come", lambda: call("/", "192.0.2.7").status_code == 403, cloud.agents)


def test_bodies_are_untouched(call: Call) -> None:
    for sent in (b"a=1&b=x+y", bytes(range(256)), b"\x00" * 100_000):
        assert call("/echo", ANOTHER, sent).get_body() == sent

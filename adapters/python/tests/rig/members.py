"""The six classes, each guarding an application of its kind that asks a server for its configuration."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Mapping

import pytest

from .client import HOST
from .cloud import KEY
from .hosts import APPS, DJANGO_GUNICORN, FLASK_RUN, GCP, WHOLE, Host
from .lambda_runtime import Runtime

#: Local settings: a test asks as often as it likes.
_SETTINGS = {"SECURITY_CHECKS": {"flood": 0}, "BLACKLIST_DELAY": 604_800}


@dataclass(frozen=True)
class Member:
    """A guarded application."""

    platform: str
    #: Asks for a path as a client, maybe of another host; the status and the text of the answer.
    ask: Callable[..., tuple[int, str]]
    #: What it has written so far.
    written: Callable[[], str]
    stop: Callable[[], None]

    def status(self, path: str, client: str) -> int:
        return self.ask(path, client)[0]


#: Starts a member for this configuration's URL, in this folder.
Start = Callable[[str, Path], Member]


def _hosted(kind: Any) -> Start:
    def start(url: str, folder: Path) -> Member:
        host = Host(kind, folder, cloud_url=url)

        def ask(path: str, client: str, name: str = HOST) -> tuple[int, str]:
            answer = host.ask("GET", path, [("X-Forwarded-For", client), ("Host", name)])
            return answer.status, answer.text

        return Member(kind.platform, ask, host.program.written, host.program.kill)

    return start


def _lambda(url: str, folder: Path) -> Member:
    pytest.importorskip("awslambdaric", reason="awslambdaric could not be installed here")
    folder.mkdir(parents=True, exist_ok=True)
    env = {"PYRASP_CLOUD_URL": url, "PYRASP_KEY": KEY, "PYRASP_CONF": _conf(folder)}
    runtime = Runtime("lambda_app.handler", APPS, log=folder / "lambda.log", env=env)

    def ask(path: str, client: str, name: str = HOST) -> tuple[int, str]:
        http = {"method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": client}
        about = {"requestId": "r", "domainName": name, "http": http}
        event = {"version": "2.0", "rawPath": path, "rawQueryString": "", "requestContext": about}
        answer = runtime.invoke(event | {"headers": {"host": name}, "isBase64Encoded": False})
        return answer["statusCode"], answer["body"]

    return Member("AWS Lambda", ask, runtime.program.written, runtime.stop)


def _azure(url: str, folder: Path) -> Member:
    func = pytest.importorskip("azure.functions", reason="azure-functions is not installed here")
    from buckler import AzureRASP

    folder.mkdir(parents=True, exist_ok=True)
    rasp = AzureRASP(conf=_conf(folder), cloud_url=url, key=KEY)

    @rasp.register
    def shop(req: Any) -> Any:
        return func.HttpResponse("welcome")

    def ask(path: str, client: str, name: str = HOST) -> tuple[int, str]:
        headers = {"Host": name, "X-Forwarded-For": f"{client}:51234"}
        asked = func.HttpRequest("GET", f"https://{name}{path}", headers=headers, body=b"")
        answer = shop(asked)
        return answer.status_code, answer.get_body().decode()

    # it runs in the test's own process, whose standard error is not its own
    return Member("Azure Function", ask, lambda: "", lambda: _stopped(rasp))


def _stopped(rasp: Any) -> None:
    rasp.agent.stop()


def _conf(folder: Path) -> str:
    file = folder / "rasp.json"
    file.write_text(json.dumps(_SETTINGS))
    return str(file)


_FASTAPI = next(kind for kind in WHOLE if kind.platform == "FastAPI")

#: Each of pyrasp's classes, by its name.
MEMBERS: Mapping[str, Start] = {
    "FlaskRASP": _hosted(FLASK_RUN),
    "FastApiRASP": _hosted(_FASTAPI),
    "DjangoRASP": _hosted(DJANGO_GUNICORN),
    "LambdaRASP": _lambda,
    "GcpRASP": _hosted(GCP),
    "AzureRASP": _azure,
}

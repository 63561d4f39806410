"""What the agent says is seen: in the host's log, and on standard error where it has none."""

from __future__ import annotations

import logging
import pytest
from buckler import _logs
from conftest import Start
from rig.cloud import KEY, Cloud
from rig.hosts import GCP, Kind


def test_the_start_is_reported_where_no_logging_is_set_up(
    kind: Kind, cloud: Cloud, start: Start
) -> None:
    host = start(kind, cloud_url=cloud.url)
    host.registered(cloud)
    _is_reported(host.program.written(), kind.platform, cloud)


def test_the_start_of_a_google_function_is_reported(cloud: Cloud, start: Start) -> None:
    pytest.importorskip("functions_framework", reason="functions-framework could not be installed")
    host = start(GCP, cloud_url=cloud.url)
    host.registered(cloud)
    _is_reported(host.program.written(), GCP.platform, cloud)


def _is_reported(written: str, platform: str, cloud: Cloud) -> None:
    assert f"guards a {platform} application: configuration from {cloud.url}" in written
    for said in (
        "Starting Buckler",
        "Loading template configuration: default",
        f"Loading configuration from {cloud.url}",
        "Configuration in force",
        "Not looked into",
        "Buckler successfully started",
    ):
        assert written.count(said) == 1, written
    assert KEY not in written


@pytest.fixture
def logger(monkeypatch: pytest.MonkeyPatch) -> logging.Logger:
    """The agent's logger in a process that has set up no logging, as pytest has."""
    own = logging.Logger("buckler")
    monkeypatch.setattr(_logs, "_logger", own)
    return own


def test_a_host_without_logging_gets_it_on_standard_error(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    _logs.tell(logging.INFO, "100% begun")
    _logs.tell(logging.DEBUG, "in detail")
    assert capsys.readouterr().err == "buckler: INFO: 100% begun\n"
    logger.setLevel(logging.ERROR)
    _logs.tell(logging.WARNING, "not so well")
    assert capsys.readouterr().err == "", "a host that wants less says so"


def test_a_host_with_logging_gets_it_there_alone(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[method-assign]
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    _logs.tell(logging.INFO, "begun")
    assert [record.getMessage() for record in records] == ["begun"]
    assert capsys.readouterr().err == ""

"""The agent: what the host says becomes its settings, and what it says becomes Python."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Union

from . import _buckler, _exit, _logs

Routes = Callable[[], Mapping[str, "tuple[list[str], str]"]]
"""Lists an application's routes: by name, their methods and their path."""

Settings = Union[str, "os.PathLike[str]", Mapping[str, Any]]
"""A settings file (TOML, JSON or YAML), or what would stand in one: the tables ``agent``, ``transport`` and ``security``."""

_TABLES = ("agent", "transport", "security")

# how long the end of a process may be held up, in seconds: servers kill workers that take longer than some seconds, and people wait
DEADLINE = 1.5


class Agent(_buckler.Agent):
    """The agent of an application.

    It begins with the first request, or with :meth:`start`. Processes of one parent, user, working directory, routes and settings have one
    agent (Linux): it runs in the first of them that is asked something, and in another where that ends.
    The positional parameters are pyrasp's:

    :param template: the template that the security settings begin from (default: ``default``)
    :param conf: a file of security settings, in pyrasp's format; or ``PYRASP_CONF``
    :param params: security settings, which the server cannot change
    :param key: the agent's key at the server; or ``PYRASP_KEY``
    :param cloud_url: where the agent registers; or ``PYRASP_CLOUD_URL``. Without it, or without a key, the agent guards by itself
    :param settings: everything else: a settings file, or its tables
    :param platform: what the server is told of the application's framework
    :param routes: lists the application's routes, for the registration
    :param on_demand: the agent speaks with its server in :meth:`exchange` alone, for hosts whose process stands still between requests
    :raises SettingsError: where any of it is wrong, with what was found and what is allowed
    """

    def __new__(
        cls,
        template: str | None = None,
        conf: str | os.PathLike[str] | None = None,
        params: Mapping[str, Any] | None = None,
        key: str | None = None,
        cloud_url: str | None = None,
        *,
        settings: Settings | None = None,
        platform: str = "Python",
        routes: Routes | None = None,
        on_demand: bool = False,
    ) -> Agent:
        said = _gather(settings)
        own = {"template": template, "key": key, "cloud_url": cloud_url}
        said["agent"].update({name: value for name, value in own.items() if value})
        said["security"].update(params or {})
        if conf:
            said["variables"]["BUCKLER_SECURITY__FILE"] = os.fspath(conf)
        agent: Any = super().__new__(
            cls,
            json.dumps(said, default=_plain),
            platform=platform,
            routes=routes,
            on_demand=on_demand,
        )
        _exit.watch(agent)
        _announce(platform, agent.cloud_url)
        return agent  # type: ignore[no-any-return]

    def status(self) -> dict[str, Any] | None:
        """How the agent is; ``None`` where this process was not asked anything yet. Durations are in seconds and nanoseconds."""
        return _read(self.status_json())

    def why(self, block_id: str) -> dict[str, Any] | None:
        """Why a request was refused, by the id that its client was shown; ``None`` where the agent does not know it.

        :raises ValueError: where the id is none
        """
        return _read(self.why_json(block_id))

    def bans(self) -> list[dict[str, Any]]:
        """Who is banned here: ``network``, ``until_ms``, when it ends, in milliseconds since the Unix epoch, and ``id``,
        what its client is shown.

        The fleet's list is not among them.
        """
        return json.loads(self.bans_json())  # type: ignore[no-any-return]

    def ban(self, network: str, seconds: float, why: str = "host") -> None:
        """Bans an address, or a network in CIDR notation. It is in force when this returns, and shared as other bans are.

        :param why: a word for logs and lists
        :raises ValueError: where it would hurt the site itself: with what was found and what is allowed
        """
        super().ban(network, seconds, why)

    def unban(self, network: str) -> str:
        """Lets a client in again, and forgets what spoke against it.

        :returns: ``let_in``; ``not_banned``; or ``listed_by_fleet``, where the server is asked to take it off the fleet's list
        """
        return json.loads(self.unban_json(network))  # type: ignore[no-any-return]

    def retry_now(self) -> None:
        """Tries the server at once, whatever pause is left after a failure: for an operator who has just mended a key, a certificate or
        the server. It holds for all workers of a host.
        """
        super().retry_now()

    def stop(self, deadline: float = DEADLINE) -> dict[str, Any] | None:
        """Ends the conversation with the server, and tells it first what it does not know yet, within so many seconds.

        Requests are judged all the same, by what the agent knows. It is called by itself when the process ends.

        :returns: what was sent and what was not; ``None`` where this process has no agent, or a sibling has it for both
        """
        return _read(self.stop_json(deadline))


def _announce(platform: str, cloud_url: str | None) -> None:
    """Says where the configuration comes from when an application is loaded: the report of what is in force comes when the agent starts,
    which is in each process that serves."""
    source = f"configuration from {cloud_url}" if cloud_url else "local settings alone"
    _logs.tell(
        logging.INFO,
        f"Buckler {_buckler.VERSION} guards a {platform} application: {source}; it starts with the first request",
    )


def agent_for(agent: Agent | None, platform: str, said: dict[str, Any]) -> Agent:
    """The agent that a middleware was given, or one that is made of what was said in its place."""
    if agent is None:
        return Agent(**{"platform": platform, **said})
    if said:
        raise TypeError(f"an agent is given already, so that {', '.join(said)} would say nothing")
    return agent


def _gather(settings: Settings | None) -> dict[str, Any]:
    """What is said in a mapping, in a file, and in the environment."""
    said: dict[str, Any] = {"variables": _variables()}
    if isinstance(settings, Mapping):
        unknown = [str(name) for name in settings if name not in _TABLES]
        if unknown:
            raise _buckler.SettingsError(
                f"settings: found {', '.join(unknown)}, allowed are {', '.join(_TABLES)}"
            )
    elif settings is not None:
        said["file"] = os.fspath(settings)
        settings = None
    for table in _TABLES:
        said[table] = dict((settings or {}).get(table) or {})
    return said


def _variables() -> dict[str, str]:
    ours = ("BUCKLER_", "PYRASP_")
    return {name: value for name, value in os.environ.items() if name.startswith(ours)}


def _plain(value: object) -> object:
    """What JSON has no form for."""
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, Path):
        return str(value)
    raise _buckler.SettingsError(
        f"settings: found {value!r} of the type {type(value).__name__}, allowed is what JSON can say"
    )


def _read(said: str | None) -> dict[str, Any] | None:
    return None if said is None else json.loads(said)

"""The end of a process: what the agents still have to say is said before it."""

from __future__ import annotations

import atexit
import multiprocessing.util
import os
import signal
import sys
import threading
import time
import weakref
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._agent import Agent

# how long the end of a process may be held up by all of its agents, in seconds
DEADLINE = 1.5

# before what others of that process have to tidy up; only those with a number run at its end
_FIRST = 100

_here = sys.modules[__name__]
_agents: weakref.WeakSet[Agent] = weakref.WeakSet()
_listens = False


def watch(agent: Agent) -> None:
    """Stops an agent at the end of each process that it runs in."""
    global _listens
    _agents.add(agent)
    if not _listens:
        _listens = True
        atexit.register(stop_all)
        _listen_in_children(None)
        # what a parent registered is forgotten in its children
        multiprocessing.util.register_after_fork(_here, _listen_in_children)
    _listen_for_sigterm()


def stop_all() -> None:
    """Stops every agent of this process. A second call, or one where none runs, costs nothing."""
    end = time.monotonic() + DEADLINE
    for agent in list(_agents):
        agent.stop(max(0.0, end - time.monotonic()))


def stop_with_server() -> None:
    """Stops every agent when the server is told to end, for servers that end their process in a way that runs nothing of Python's.

    Whatever the server does about the signal goes on meanwhile, and the guard judges what still comes.
    """
    if not _may_handle():
        return
    servers = signal.getsignal(signal.SIGTERM)
    if not callable(servers) or getattr(servers, "_is_bucklers", False):
        return

    def stop(number: int, frame: FrameType | None) -> Any:
        threading.Thread(target=stop_all, name="buckler-exit", daemon=True).start()
        return servers(number, frame)

    stop._is_bucklers = True  # type: ignore[attr-defined]
    signal.signal(signal.SIGTERM, stop)


def _listen_in_children(_: object) -> None:
    """Processes that ``multiprocessing`` made (Granian's and Hypercorn's workers are) end without Python's exit, but not without this."""
    multiprocessing.util.Finalize(None, stop_all, exitpriority=_FIRST)


def _listen_for_sigterm() -> None:
    """Where nobody listens for SIGTERM, the process would die of it without a word."""
    if _may_handle() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _end)


def _may_handle() -> bool:
    # uWSGI has handlers that Python does not know of
    return "uwsgi" not in sys.modules and threading.current_thread() is threading.main_thread()


def _end(number: int, _frame: FrameType | None) -> None:
    """Stops the agents, and dies of the signal all the same."""
    try:
        stop_all()
    finally:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


_end._is_bucklers = True  # type: ignore[attr-defined]

"""What becomes of a request when the agent itself fails: it goes on, and the log says so once."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._agent import Agent
    from ._buckler import Refusal

_logger = logging.getLogger("buckler")
_told: set[tuple[str, str]] = set()


def failed(agent: Agent, what: str) -> Refusal | None:
    """Called while an exception is handled. What the request is answered; ``None`` where it passes, as it does by default."""
    tell(what)
    return agent.failure()


def tell(what: str) -> None:
    """Logs the exception that is being handled, once for each kind of it."""
    import sys

    kind = (what, type(sys.exc_info()[1]).__name__)
    if kind not in _told:
        _told.add(kind)
        _logger.exception(
            "%s failed; requests pass as if it were not there, and this is said once", what
        )

"""Waiting for a condition, with a deadline and never by sleeping and hoping."""

from __future__ import annotations

import time
from typing import Callable, TypeVar

#: How long anything may take that happens in another process, in seconds: a loaded machine is slow.
PATIENCE = 120.0

#: How long a program may take that does many such things, one after another, in seconds.
LONG_PATIENCE = 280.0

#: Between two looks, in seconds: the machine is for those who are waited for.
PAUSE = 0.02

T = TypeVar("T")


def wait_for(
    what: str,
    look: Callable[[], T],
    told: Callable[[], object] = lambda: "",
    patience: float = PATIENCE,
) -> T:
    """Looks until there is something to see, and returns it; fails with what is ``told`` by then."""
    end = time.monotonic() + patience
    while True:
        seen = look()
        if seen:
            return seen
        assert time.monotonic() < end, f"not within {patience:.0f} s: {what}; {told()}"
        time.sleep(PAUSE)

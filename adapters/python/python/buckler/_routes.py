"""What frameworks know of routes, as far as it is alike."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from ._failure import tell

T = TypeVar("T")

_WHOLE = re.compile(r"/?(<path:[^<>]*>|\{[^{}]*:path\})")


def is_catch_all(pattern: str) -> bool:
    """Whether a pattern matches every path: what is behind it (a folder of files, the page of a single-page application) is no route by
    itself, and only its answer says whether there was anything."""
    return _WHOLE.fullmatch(pattern) is not None


def harmless(resolve: Callable[[T], bool]) -> Callable[[T], bool]:
    """Whether there is a route is not known where the framework fails to say."""

    def resolved(seen: T) -> bool:
        try:
            return resolve(seen)
        except Exception:
            tell("the look-up of a route")
            return False

    return resolved

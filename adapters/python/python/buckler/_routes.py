"""What frameworks know of routes, as far as it is alike."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar, Union

from ._failure import tell

T = TypeVar("T")

Found = Union[str, bool, None]
"""What a framework says of a request's route.

Its pattern, ``/items/{id}``, or whether there is one.
"""

_WHOLE = re.compile(r"/?(<path:[^<>]*>|\{[^{}]*:path\}|\{[^{}]*\+\})")


def is_catch_all(pattern: str) -> bool:
    """Whether a pattern matches every path: what is behind it (a folder of files, the page of a single-page application) is no route by
    itself, and only its answer says whether there was anything."""
    return _WHOLE.fullmatch(pattern) is not None


def harmless(resolve: Callable[[T], Found]) -> Callable[[T], Found]:
    """No route is known where the framework fails to say.

    Nor where it has one for everything.
    """

    def resolved(seen: T) -> Found:
        try:
            found = resolve(seen)
        except Exception:
            tell("the look-up of a route")
            return False
        return False if isinstance(found, str) and is_catch_all(found) else found

    return resolved

"""What frameworks know of routes, as far as it is alike."""

from __future__ import annotations

import re

_WHOLE = re.compile(r"/?(<path:[^<>]*>|\{[^{}]*:path\})")


def is_catch_all(pattern: str) -> bool:
    """Whether a pattern matches every path: what is behind it (a folder of files, the page of a single-page application) is no route by
    itself, and only its answer says whether there was anything."""
    return _WHOLE.fullmatch(pattern) is not None

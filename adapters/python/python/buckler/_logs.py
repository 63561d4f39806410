"""Where what the agent says goes: to ``logging``, and to standard error where none is set up."""

from __future__ import annotations

import logging
import sys

_logger = logging.getLogger("buckler")


class _StandardError(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to what standard error is at that moment: hosts and tests replace it."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self.setFormatter(logging.Formatter("buckler: %(levelname)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        # a process without a terminal may have none
        if self.stream is not None:
            super().emit(record)


_stderr = _StandardError()


def show_reports() -> None:
    """Has the start-up report seen where a platform's own logging shows warnings alone.

    Unless the host has chosen a level already.
    """
    if _logger.level == logging.NOTSET:
        _logger.setLevel(logging.INFO)


def tell(level: int, text: str) -> None:
    """Logs a line. Where no logging is set up it goes to standard error, so that the start-up report is seen.

    A host that wants neither sets a level for the logger ``buckler``, or gives it a ``logging.NullHandler``.
    """
    if _logger.hasHandlers():
        _logger.log(level, "%s", text)
    elif not _logger.disabled and level >= (_logger.level or logging.INFO):
        _stderr.handle(_logger.makeRecord(_logger.name, level, "", 0, "%s", (text,), None))

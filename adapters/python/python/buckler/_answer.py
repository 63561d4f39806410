"""What the middlewares share about answers."""

from __future__ import annotations

from http import HTTPStatus

# the most chunks of an answer that are held back to be looked into: an answer in single bytes must not become a long list
MOST_CHUNKS = 1024

# where a refusal stands in WSGI's environment and ASGI's scope, for the host's own log and metrics
REFUSAL = "buckler.refusal"


def has_content(method: str, status: int) -> bool:
    """Whether an answer can have a body, whatever its headers say."""
    return method != "HEAD" and status >= 200 and status not in (204, 304)


def reason(status: int) -> str:
    """The words that go with a status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Refused"

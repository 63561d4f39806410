"""A look into a request's body: its beginning before the application sees any of it, the rest in windows as the application reads it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ._buckler import BodyRest, Refusal, Request
from ._failure import failed

if TYPE_CHECKING:
    from ._agent import Agent

# how much of a body that is there already is shown to the guard at once, in bytes: as much as it wants of a beginning
PIECE = 64 * 1024


class Watch:
    """What the guard has seen of a request's body."""

    __slots__ = (
        "_agent",
        "_beginning",
        "_request",
        "_resolve",
        "_rest",
        "_source",
        "is_over",
        "is_patient",
        "refusal",
        "wanted",
    )

    def __init__(
        self,
        agent: Agent,
        request: Request,
        wanted: int,
        resolve: Callable[[Any], Any] | None = None,
        source: Any = None,
    ) -> None:
        """``resolve`` tells the route of ``source``, should anything be found.

        That must not hold the watch: bodies would be kept until Python looks for what is no longer
        in use.
        """
        self.wanted = wanted
        #: why the body is refused
        self.refusal: Refusal | None = None
        #: whether nothing more of it is looked at
        self.is_over = False
        #: whether a piece waits until as much of the beginning is there as is wanted
        self.is_patient = True
        self._agent = agent
        self._request = request
        self._resolve = resolve
        self._source = source
        # grows in place: a client may send it byte by byte
        self._beginning: bytearray | None = bytearray()
        self._rest: BodyRest | None = None

    def begin(self, beginning: bytes, is_whole: bool) -> Refusal | None:
        """Judges what there is of a body, be it ever so little."""
        self._beginning = bytearray(beginning)
        return self._guarded(b"", is_whole, is_enough=True)

    def whole(self, body: bytes) -> Refusal | None:
        """Judges a body that is there already."""
        for at in range(0, len(body), PIECE):
            if not self.see(body[at : at + PIECE], at + PIECE >= len(body)) or self.is_over:
                break
        return self.refusal

    def see(self, piece: bytes, is_end: bool) -> bool:
        """Looks at the next piece of a body, and says whether the application may have it. Nothing of it is judged before as much of
        the beginning is there as is wanted, unless the watch is impatient."""
        self._guarded(piece, is_end, is_enough=is_end or not self.is_patient)
        return self.refusal is None

    def _guarded(self, piece: bytes, is_end: bool, is_enough: bool) -> Refusal | None:
        if not self.is_over:
            try:
                self.refusal = self._judged(piece, is_end, is_enough)
            except Exception:
                self.refusal = failed(self._agent, "the check of a body")
                self.is_over = True
            if self.refusal is not None:
                self.is_over = True
        return self.refusal

    def _judged(self, piece: bytes, is_end: bool, is_enough: bool) -> Refusal | None:
        if self._beginning is not None:
            seen = self._beginning
            seen += piece
            if len(seen) < self.wanted and not is_enough:
                return None
            self._beginning = None
            beginning, piece = bytes(seen[: self.wanted]), bytes(seen[self.wanted :])
            is_whole = is_end and not piece
            refusal, self._rest = self._agent.check_body_beginning(
                self._request, beginning, is_whole, self._resolve, self._source
            )
            if refusal is not None:
                return refusal
        rest = self._rest
        if rest is None:
            self.is_over = True
            return None
        if not piece and not is_end:
            return None
        refusal = self._agent.check_body_rest(
            self._request, rest, piece, is_end, self._resolve, self._source
        )
        self.is_over = rest.is_over
        return refusal


class RefusedBody(PermissionError):
    """What an application reads in the place of a body that was refused. Its answer is replaced by the refusal."""

    def __init__(self) -> None:
        super().__init__("the guard refused this body")

"""What the tracker needs of a delivery; pipeline.py hands it in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from agentsight_otel.translation.block import Upload
from agentsight_otel.translation.span_data import SpanData


class Ticket(Protocol):
    """The fate of one submission: ``waiting``, then ``delivered`` or ``dead``."""

    @property
    def state(self) -> str:
        """``waiting``, ``delivered`` or ``dead``."""

    @property
    def attempted(self) -> bool:
        """Whether the backend has been tried at least once."""

    @property
    def error(self) -> str | None:
        """Why it is not delivered, without any text or key."""

    @property
    def status_code(self) -> int | None:
        """The HTTP status of the last answer, or None."""

    @property
    def parked(self) -> bool:
        """Whether it waits for something that time alone does not mend: a key, a certificate."""

    def wait(self, timeout: float) -> bool:
        """Wait at most *timeout* seconds; True when delivered or dead."""

    def add_done_callback(self, fn: Callable[..., Any]) -> None:
        """Call *fn* once delivered or dead; at once if that has happened."""


class Sink(Protocol):
    """Takes spans for delivery and keeps unsent items on disk."""

    @property
    def mask(self) -> Callable[[str], str] | None:
        """What every text must pass before it is written or sent; `submit` applies it itself."""

    def submit(
        self, spans: Sequence[SpanData], uploads: Sequence[Upload] = (), *, masked: bool = False
    ) -> Ticket:
        """Take *spans* and *uploads* for delivery as one unit."""

    def kick(self) -> None:
        """Try what waits now, without backoff."""

    def keep(self, item: bytes) -> object | None:
        """Write an unsent item to the journal; None when there is no journal.

        An item that `recover` returned is there already.
        """

    def release(self, refs: Sequence[object]) -> None:
        """Forget kept items: they have been submitted."""

    def recover(self) -> list[bytes]:
        """Return the items that dead processes kept and never released, oldest first."""

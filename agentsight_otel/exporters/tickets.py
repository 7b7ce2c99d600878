"""What a caller holds of a submission, and what a flush says."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterable
from typing import Literal, Self

from agentsight_otel.guard import guarded

State = Literal["waiting", "delivered", "dead"]


class Ticket:
    """The fate of the records of one submission.

    Attributes:
        attempted: Whether a request with any of them was made.
        error: Why the last attempt failed, without texts or keys; None after a success.
        status_code: HTTP status of the last answer, or None.
    """

    __slots__ = (
        "__weakref__",
        "_callbacks",
        "_changed",
        "_fate",
        "_open",
        "_parked",
        "attempted",
        "error",
        "status_code",
    )

    def __init__(self, changed: threading.Condition) -> None:
        self.attempted = False
        self.error: str | None = None
        self.status_code: int | None = None
        self._changed = changed  # its ledger's: making one for each submission would double its cost
        self._open = 0
        self._fate: str | None = None
        self._parked = False
        self._callbacks: list[Callable[[Ticket], object]] | None = None

    @property
    def state(self) -> State:
        """``waiting``; ``delivered`` when the backend has every record; ``dead`` when it never will."""
        if self._open:
            return "waiting"
        return "delivered" if self._fate is None else "dead"

    @property
    def fate(self) -> str | None:
        """Why its records are lost, None unless they are."""
        return None if self._open else self._fate

    @property
    def parked(self) -> bool:
        """Whether an attempt has found that the backend refuses the key or cannot be trusted.

        `wait` tells of it once.
        """
        return self._parked

    def wait(self, timeout: float) -> bool:
        """Wait until delivered or dead, at most *timeout* seconds.

        Returns False early when the backend refuses the key or cannot be trusted: time alone mends neither.
        The next call waits for the next attempt.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._open or self._parked, timeout)
            self._parked = False
            return not self._open

    def renew(self) -> None:
        """Let `wait` wait for the next attempt, whatever became of the last."""
        self.attempted = False
        self._parked = False

    def add_done_callback(self, fn: Callable[[Ticket], object]) -> None:
        """Call *fn* with this ticket once it is delivered or dead; at once if it already is."""
        with self._changed:
            if self._open:
                self._callbacks = [*(self._callbacks or ()), fn]
                return
        fn(self)

    def expect(self, records: int = 1) -> None:
        """Wait for so many more records; the caller holds the ledger's lock."""
        self._open += records

    def note(self, error: str | None, status_code: int | None, *, parked: bool = False) -> None:
        """Say how an attempt went."""
        with self._changed:
            self.attempted = True
            self.error = error
            self.status_code = status_code
            if parked:
                self._parked = True
                self._changed.notify_all()

    def settle(self, records: int = 1, *, error: str | None = None) -> None:
        """Say that records are done: delivered, or lost for the reason *error*."""
        with self._changed:
            self._open -= records
            self._fate = self._fate or error
            if self._open:
                return
            self.error = self._fate or self.error  # whatever became of the records after those
            callbacks, self._callbacks = self._callbacks, None
            self._changed.notify_all()
        for fn in callbacks or ():
            _tell(fn, self)


@guarded(None)
def _tell(fn: Callable[[Ticket], object], ticket: Ticket) -> None:
    """Call the caller's own function, which must not stop the sender."""
    fn(ticket)


@dataclasses.dataclass(frozen=True, slots=True)
class FlushResult:
    """What a flush reached; true when nothing was left waiting.

    Attributes:
        delivered: Records the backend took during the flush.
        waiting: Records submitted before the flush that still wait.
        dead: Records the backend refused for good during the flush.
        dropped: Records given up during the flush for want of room, or for age.
    """

    delivered: int = 0
    waiting: int = 0
    dead: int = 0
    dropped: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing was left waiting."""
        return self.waiting == 0

    def __bool__(self) -> bool:
        return self.ok

    @classmethod
    def total(cls, results: Iterable[FlushResult]) -> Self:
        """Add results up."""
        rows = [dataclasses.astuple(result) for result in results]
        return cls(*(sum(column) for column in zip(*rows, strict=True)))

"""Waiting for delivery, honestly and no longer than it helps."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable

from agentsight_otel.exporters.adoption import Adopter
from agentsight_otel.exporters.courier import Courier
from agentsight_otel.exporters.ledger import Ledger
from agentsight_otel.exporters.link import Link
from agentsight_otel.exporters.sender import Sender
from agentsight_otel.exporters.tickets import FlushResult
from agentsight_otel.journal import Journal

PATIENCE = 0.3
"""Seconds without progress after which a shutdown leaves what is on disk to the next process."""

_GRACE = 0.1
"""Of these, what a request gets that was there before."""

_POLL = 0.05
_START = 0.005


class Flusher:
    """Makes the sender work off what waits, and waits for it."""

    def __init__(
        self,
        ledger: Ledger,
        link: Link,
        courier: Courier,
        sender: Sender,
        adopter: Adopter,
        journal: Journal,
        run: Callable[[], None],
    ) -> None:
        self._ledger = ledger
        self._link = link
        self._courier = courier
        self._sender = sender
        self._adopter = adopter
        self._journal = journal
        self._run = run

    def flush(self, timeout: float, *, patience: float | None = None) -> FlushResult:
        """Deliver what waits, at most *timeout* seconds; with *patience* no longer than there is progress."""
        moved = now = time.monotonic()
        deadline = now + timeout
        asked_at = self._link.asked_at
        if patience is not None and asked_at is not None:
            # Time that a request has gone without an answer before the shutdown counts.
            moved = max(asked_at, now - patience + _GRACE)
        before = self._ledger.mark()
        if self._sender.is_current:
            return self._ledger.since(before, until=self._ledger.admitted)
        requests = self._link.requests
        if self._ledger.waiting or self._journal.orphans():
            self._courier.adopting = self._courier.draining = self._courier.kicked = True
            self._run()
        # The sender adopts before it sends anything else; a request in hand may keep it from that.
        adopted_by = deadline if patience is None else min(deadline, moved + patience)
        left = self._ledger.waiting
        while self._courier.adopting and self._sender.running and time.monotonic() < adopted_by:
            time.sleep(_START)
        if self._ledger.waiting != left:
            moved = time.monotonic()
        mark = self._wait(requests, deadline, patience, moved)
        result = self._ledger.since(before, until=mark)
        if self._adopter.unfinished and result.ok:
            return dataclasses.replace(result, waiting=1)  # at least
        return result

    def _wait(self, requests: int, deadline: float, patience: float | None, moved: float) -> int:
        unfinished = self._adopter.unfinished
        mark = self._ledger.admitted
        while self._sender.running and (unfinished or not self._ledger.is_clear(mark)):
            now = time.monotonic()
            tried = self._link.requests > requests
            if now >= deadline or self._is_idle_to_wait(tried, now - moved, patience):
                break
            left = self._ledger.waiting
            with self._ledger.condition:
                self._ledger.condition.wait(min(_POLL, deadline - now))
            if self._ledger.waiting != left:
                moved = time.monotonic()
            if unfinished:  # what is adopted while we wait is waited for too
                unfinished = self._adopter.unfinished
                mark = self._ledger.admitted
        return mark

    def _is_idle_to_wait(self, tried: bool, still: float, patience: float | None) -> bool:
        if tried and self._link.parked is not None:
            return True
        if patience is None or not self._ledger.safe:
            return False
        return still >= patience or (tried and self._link.failing)

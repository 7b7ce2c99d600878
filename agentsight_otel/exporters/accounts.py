"""What was counted, and which records were seen lately."""

from __future__ import annotations

from collections import Counter
from typing import Any

from agentsight_otel.exporters.stats import Stats
from agentsight_otel.exporters.tickets import FlushResult

_SEEN = 16_384


class Accounts:
    """The counts of one ledger, under its lock."""

    def __init__(self) -> None:
        self.emitted = 0
        self.counts: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.filtered: Counter[str] = Counter()

    def lose(self, records: int, reason: str) -> None:
        """Count records that were never in the ledger and are dropped."""
        self.emitted += records
        self.dropped[reason] += records

    def since(self, before: FlushResult, waiting: int) -> FlushResult:
        """Return what has been reached since *before*."""
        return FlushResult(
            self.counts["delivered"] - before.delivered,
            waiting,
            self.counts["dead"] - before.dead,
            sum(self.dropped.values()) - before.dropped,
        )

    def stats(self, **known: Any) -> Stats:
        """Return the counts, with what only the caller knows."""
        return Stats(
            emitted=self.emitted,
            delivered=self.counts["delivered"],
            dead=self.counts["dead"],
            dropped=dict(self.dropped),
            filtered=dict(self.filtered),
            adopted=self.counts["adopted"],
            repeated=self.counts["repeated"],
            damaged_bytes=self.counts["damaged"],
            **known,
        )


class Seen:
    """The keys of the last records taken, at least 16,384 of them."""

    def __init__(self) -> None:
        self._young: set[bytes] = set()
        self._old: set[bytes] = set()

    def __contains__(self, key: bytes) -> bool:
        return key in self._young or key in self._old

    def add(self, key: bytes) -> None:
        """Remember one."""
        self._young.add(key)
        if len(self._young) >= _SEEN:
            self._old, self._young = self._young, set()

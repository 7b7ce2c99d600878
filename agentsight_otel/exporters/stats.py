"""The counts whose sums always agree."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Self


@dataclasses.dataclass(frozen=True, slots=True)
class Stats:
    """What became of every record (a span, a log record or an upload) of one or more destinations.

    ``emitted == delivered + waiting + dead + sum(dropped.values()) + sum(filtered.values())``, always.

    Attributes:
        emitted: Records taken, with those adopted from dead processes.
        delivered: The backend has them.
        waiting: Not settled yet.
        dead: Refused by the backend for good; kept as dead letters.
        dropped: Lost, by reason: ``memory_full``, ``disk_full``, ``spool_full``, ``expired``,
            ``unreadable``, and ``no_key`` for tracked items that there never was a key for.
        filtered: Left out on purpose, by reason.
        adopted: Of those emitted, taken over from dead processes.
        repeated: Given again and ignored; not in emitted.
        requests: Requests made.
        failures: Requests that were not a success.
        journal_bytes: Size of the journal on disk.
        damaged_bytes: Bytes of adopted segments that were no intact record.
        durable: Whether what is submitted now survives the process.
        parked: Why the destination is parked, or None.
    """

    emitted: int = 0
    delivered: int = 0
    waiting: int = 0
    dead: int = 0
    dropped: Mapping[str, int] = dataclasses.field(default_factory=dict)
    filtered: Mapping[str, int] = dataclasses.field(default_factory=dict)
    adopted: int = 0
    repeated: int = 0
    requests: int = 0
    failures: int = 0
    journal_bytes: int = 0
    damaged_bytes: int = 0
    durable: bool = True
    parked: str | None = None

    @property
    def balanced(self) -> bool:
        """Whether the sums agree."""
        lost = sum(self.dropped.values()) + sum(self.filtered.values())
        return self.emitted == self.delivered + self.waiting + self.dead + lost

    @classmethod
    def total(cls, several: Iterable[Stats]) -> Self:
        """Add the counts of several destinations up."""
        rows = list(several)
        dropped: Counter[str] = Counter()
        filtered: Counter[str] = Counter()
        for row in rows:
            dropped.update(row.dropped)
            filtered.update(row.filtered)
        sums = {name: sum(getattr(row, name) for row in rows) for name in _SUMS}
        return cls(
            **sums,
            dropped=dict(dropped),
            filtered=dict(filtered),
            durable=all(row.durable for row in rows),
            parked=next((row.parked for row in rows if row.parked), None),
        )


_SUMS = (
    "emitted",
    "delivered",
    "waiting",
    "dead",
    "adopted",
    "repeated",
    "requests",
    "failures",
    "journal_bytes",
    "damaged_bytes",
)

"""What records take in memory, and how much of it may stay there."""

from __future__ import annotations

from collections.abc import Iterable

from agentsight_otel.exporters.entries import Entry
from agentsight_otel.journal import Ref

HOT_BYTES = 8 * 1024 * 1024
"""Encoded bytes kept in memory of what is on disk too; the rest is read back when its turn comes."""


class Memory:
    """The bytes of one ledger's records, under its lock.

    Attributes:
        unsaved: Of records that are nowhere else.
    """

    def __init__(self) -> None:
        self.unsaved = 0
        self._hot = 0

    def hold(self, entry: Entry) -> None:
        """Count a new record, and forget the value of one that is on disk when there are enough."""
        if entry.ref is None:
            self.unsaved += entry.size
        elif self._hot + entry.size > HOT_BYTES:
            entry.value = None
        elif entry.value is not None:
            self._hot += entry.size

    def saved(self, entry: Entry, ref: Ref, size: int) -> None:
        """Note that a record is on disk after all, where it has *size* bytes."""
        self.unsaved -= entry.size
        entry.ref, entry.size = ref, size
        self._hot += size

    def shed(self, most: int, entries: Iterable[Entry]) -> list[Entry]:
        """Return the first of *entries* that must go so that no more than *most* bytes are unsaved."""
        over = self.unsaved - most
        gone: list[Entry] = []
        for entry in entries:
            if over > 0 and entry.ref is None:
                gone.append(entry)
                over -= entry.size
        return gone

    def let_go(self, entry: Entry) -> None:
        """Forget a record's value."""
        if entry.value is not None:
            if entry.ref is None:
                self.unsaved -= entry.size
            else:
                self._hot -= entry.size
            entry.value = None

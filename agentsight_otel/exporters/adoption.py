"""What dead processes left: their unsent records, and their unsent timeline items."""

from __future__ import annotations

import threading
from pathlib import Path

from agentsight_otel.exporters.ledger import Ledger
from agentsight_otel.exporters.siblings import note_agent, siblings
from agentsight_otel.journal import Journal, Kind, Ref

INTERVAL = 30.0
"""Seconds between two looks for segments of dead processes."""

MAX_WAITING = 100_000
"""Records in hand above which nothing more is adopted for the moment."""


class KeptItem(bytes):
    """A timeline item that is in the journal; keeping it again writes nothing.

    Attributes:
        ref: Where it is.
    """

    ref: Ref


class Adopter:
    """Takes over segments whose owner is dead. Safe for any thread.

    Attributes:
        unfinished: Some were left for when fewer records are in hand.
    """

    def __init__(self, ledger: Ledger, journal: Journal, endpoint: str) -> None:
        self._ledger = ledger
        self._journal = journal
        self._endpoint = endpoint
        self._lock = threading.Lock()
        self._next = 0.0
        self.unfinished = False
        self._items: list[KeptItem] = []
        self._agent_id: int | None = None

    def run(self, now: float, *, at_once: bool = False) -> None:
        """Adopt what there is, at most every ``INTERVAL`` seconds unless *at_once* or some was left."""
        left_some = self.unfinished and self._ledger.waiting < MAX_WAITING // 2
        if not at_once and not left_some and now < self._next:
            return
        self._next = now + INTERVAL
        with self._lock:
            self._ledger.resume()
            for path in self._paths():
                if self._ledger.waiting > MAX_WAITING:
                    self.unfinished = True
                    return
                self._adopt(path)
            self.unfinished = False

    def items(self) -> list[bytes]:
        """Return the timeline items found and not returned yet, oldest first."""
        with self._lock:
            items, self._items = self._items, []
        return list(items)

    def note_agent(self, agent_id: int | None) -> None:
        """Remember which agent the key belongs to, so that what an earlier key of it left is found."""
        if agent_id is not None and self._journal.folder is not None:
            self._agent_id = agent_id
            note_agent(self._journal.folder, self._endpoint, agent_id)
            self._next = 0.0

    def _paths(self) -> list[Path]:
        found = self._journal.orphans()
        if self._agent_id is not None and self._journal.folder is not None:
            for folder in siblings(self._journal.folder, self._endpoint, self._agent_id):
                found += self._journal.orphans(folder)
        return found

    def _adopt(self, path: Path) -> None:
        found = self._ledger.take_over(path)
        if found is None:
            return
        segment, others = found
        for record in others:
            if record.kind == Kind.ITEM:
                item = KeptItem(record.payload)
                item.ref = Ref(segment, record.offset)
                self._items.append(item)

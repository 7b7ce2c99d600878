"""Every record from the moment it is taken until it is settled, each counted exactly once."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from agentsight_otel.exporters.accounts import Accounts, Seen
from agentsight_otel.exporters.arrivals import Arrivals
from agentsight_otel.exporters.contents import values
from agentsight_otel.exporters.entries import KEY_OF, KINDS, Entry, encoded, span_key, weight
from agentsight_otel.exporters.logs import LogIndex
from agentsight_otel.exporters.memory import Memory
from agentsight_otel.exporters.stats import Stats
from agentsight_otel.exporters.tickets import FlushResult, Ticket
from agentsight_otel.journal import Journal, Kind, Record, Ref, Segment
from agentsight_otel.journal.store import Adopted
from agentsight_otel.translation.span_data import LogKey, SpanKey

_LOG = Kind.LOG


class Ledger:
    """The records of one destination in this process. Safe for any thread."""

    def __init__(self, journal: Journal, *, memory_max_bytes: int) -> None:
        self.journal = journal
        self._lock = threading.RLock()
        self.condition = threading.Condition(self._lock)
        self._memory_max = memory_max_bytes
        self._inbox: deque[Entry] = deque()
        self._waiting: dict[bytes, Entry] = {}
        self._logs = LogIndex()
        self._arrivals = Arrivals(journal, self.book)
        self.receive = self._arrivals.put
        self.receive_many = self._arrivals.put_many
        self.left_out = self._arrivals.left_out
        self._seen = Seen()
        self._accounts = Accounts()
        self._left: dict[bytes, Ticket | None] = {}
        self._left_behind = 0
        self._adopting = threading.RLock()
        self._theirs: set[Path] = set()
        self._sequence = 0
        self._memory = Memory()

    def book(self) -> None:
        """Count what was received and hand it to the sender; what is known already is ignored."""
        if not self._arrivals:
            return
        done: list[Ref] = []
        with self._lock:
            for entry in self._arrivals.take():
                if entry.key in self._waiting or entry.key in self._seen:
                    self._accounts.counts["repeated"] += 1
                    done += [entry.ref] if entry.ref is not None else []
                elif (
                    entry.ref is None or not entry.ref.segment.gone
                ):  # else it is left to adoption, as others
                    self._inbox.append(entry)
                    self._register(entry)
                    self._memory.hold(entry)
        self.journal.ack(done)
        self._make_room()

    def admit(self, kind: int, values: Sequence[Any], ticket: Ticket) -> list[Entry]:
        """Write new records to the journal; those known already are ignored, or joined while they wait.

        They are not in the inbox until `enqueue`.
        """
        key_of = KEY_OF[kind]
        on_disk = self.journal.folder is not None
        entries: list[Entry] = []
        pairs: list[tuple[bytes, bytes]] = []
        self.book()
        with self._lock:
            for value in values:
                key = key_of(value)
                if key in self._waiting or key in self._seen:
                    self._join(key, ticket)
                    continue
                if on_disk:
                    payload = encoded(value)
                    size = len(payload)
                    pairs.append((key, payload))
                else:
                    size = weight(value)
                entry = Entry(key, kind, value, size, ticket)
                self._register(entry)
                entries.append(entry)
            if entries:
                ticket.expect(len(entries))
                self._save(kind, entries, pairs)
        return entries

    def enqueue(self, entries: Sequence[Entry]) -> None:
        """Hand admitted records to the sender, as one run."""
        self._inbox.extend(entries)
        self._make_room()
        if self.journal.syncs and entries and entries[-1].ref is not None:
            self.journal.sync(entries[-1].ref)

    def take_over(self, path: Path) -> tuple[Segment, list[Record]] | None:
        """Adopt a dead process's segment; returns it with the records that are not for delivery."""
        with self._adopting:
            adopted = self.journal.adopt(path)
            return None if adopted is None else (adopted.segment, self._adopt(adopted))

    def _adopt(self, adopted: Adopted) -> list[Record]:
        others: list[Record] = []
        done: list[Ref] = []
        with self._lock:
            self._accounts.counts["damaged"] += adopted.damaged
            for record in adopted.records:
                ref = Ref(adopted.segment, record.offset)
                if record.kind not in KINDS:
                    others.append(record)
                elif record.key in self._waiting:
                    done.append(ref)
                else:
                    ticket = self._left.pop(record.key, None)
                    entry = Entry(record.key, record.kind, None, len(record.payload), ticket)
                    entry.ref = ref
                    self._register(entry)
                    self._accounts.counts["adopted"] += 1
                    self._inbox.append(entry)
        self.journal.ack(done)
        return others

    def filtered(self, reason: str, records: int = 1) -> None:
        """Count records that are left out before they are taken."""
        with self._lock:
            self._accounts.emitted += records
            self._accounts.filtered[reason] += records

    def take(self, most: int) -> list[tuple[Entry, Any]]:
        """Return the next records of one kind, at most *most*, each with its value, decoded.

        The values of records that are on disk are no longer kept here. What cannot be read is dropped.
        """
        taken: list[tuple[Entry, Any]] = []
        self.book()
        with self._lock:
            while self._inbox and len(taken) < most:
                if taken and self._inbox[0].kind != taken[0][0].kind:
                    break
                entry = self._inbox.popleft()
                if self._waiting.get(entry.key) is entry and not entry.taken:  # not dropped meanwhile
                    entry.taken = True
                    taken.append((entry, entry.value))
                    if entry.ref is not None:
                        self._memory.let_go(entry)
        found = self._opened(taken)
        if found and found[0][0].kind == _LOG:
            with self._lock:
                for entry, log in found:
                    self._logs.note(entry, log)
        return found

    def in_hand(self, without: set[int]) -> list[tuple[Entry, Any]]:
        """Return what was taken and is not settled, in order, with its values; no entries of these ids."""
        with self._lock:
            taken = [(e, e.value) for e in self._waiting.values() if e.taken and id(e) not in without]
        return self._opened(taken)

    def _opened(self, taken: list[tuple[Entry, Any]]) -> list[tuple[Entry, Any]]:
        found = list(zip([entry for entry, _ in taken], values(self.journal, taken), strict=True))
        unreadable = [entry for entry, value in found if value is None]
        if unreadable:
            self.drop(unreadable, "unreadable")
            found = [(entry, value) for entry, value in found if value is not None]
        return found

    @property
    def admitted(self) -> int:
        """Records taken so far."""
        self.book()
        return self._sequence

    @property
    def inbox_size(self) -> int:
        """Records the sender has not taken."""
        return len(self._inbox) + len(self._arrivals)

    def entries(self, sources: Iterable[SpanKey]) -> list[Entry]:
        """Return the records of the spans named, with the log records that belong to them."""
        found: list[Entry] = []
        with self._lock:
            logs = self._logs or None  # most processes have none
            for source in sources:
                key = span_key(source)
                entry = None if isinstance(source, LogKey) else self._waiting.get(key)
                if entry is not None:
                    found.append(entry)
                if logs is not None:
                    found += logs.taken(key)
        return found

    def deliver(self, entries: Iterable[Entry]) -> None:
        """Settle records as delivered."""
        self._settle(entries, lambda count: self._accounts.counts.update(delivered=count))

    def bury(self, entries: Iterable[Entry], reason: str) -> None:
        """Settle records as dead."""
        self._settle(entries, lambda count: self._accounts.counts.update(dead=count), reason)

    def drop(self, entries: Iterable[Entry], reason: str) -> None:
        """Settle records as dropped."""
        self._settle(
            entries, lambda count: self._accounts.dropped.update({reason: count}), f"dropped: {reason}"
        )

    def leave_out(self, entries: Iterable[Entry], reason: str) -> None:
        """Settle records as filtered."""
        self._settle(entries, lambda count: self._accounts.filtered.update({reason: count}))

    def tickets(self) -> set[Ticket]:
        """Return the tickets of everything that waits."""
        with self._lock:
            return {entry.ticket for entry in self._waiting.values() if entry.ticket is not None}

    def evict(self) -> None:
        """Drop what is over the folder's budget of bytes or age, but no segment the sender has a part of."""
        self.book()
        with self._adopting:
            gone = self._evicted() if self.journal.evict() else []
        for entries, reason in gone:
            self.drop(entries, reason)

    def _evicted(self) -> list[tuple[list[Entry], str]]:
        with self._lock:
            in_hand = {e.ref.segment.path for e in self._waiting.values() if e.taken and e.ref is not None}
        keep, self._theirs = in_hand | self._theirs, set()  # their owners had time to drop those
        gone: list[tuple[list[Entry], str]] = []
        for path, reason in self.journal.evict(keep):
            segment = self.journal.held(path)
            if segment is None:
                found = self.take_over(path)
                if found is None:
                    self._theirs.add(path)
                    continue
                segment, others = found
                with self._lock:
                    self._accounts.lose(len(others), reason)
            claimed = self._claim(segment)
            if claimed is not None:
                self.journal.discard(segment)
                gone.append((claimed, reason))
        return gone

    def hand_over(self) -> None:
        """Let go of the journal: what is on disk is left to the next process, the rest kept for later."""
        self.book()
        while self.save_again():
            pass
        with self._lock:
            self.journal.close()
            kept = [entry for entry in self._waiting.values() if entry.ref is None]
            for entry in self._waiting.values():
                if entry.ref is None:
                    entry.taken = False
                else:
                    self._memory.let_go(entry)
                    self._left[entry.key] = entry.ticket
                    self._left_behind += 1
            self._waiting = {entry.key: entry for entry in kept}
            self._inbox = deque(kept)
            self._logs = LogIndex(kept)

    def resume(self) -> None:
        """Count what was handed over as no longer ours; what nobody took comes back by adoption."""
        with self._lock:
            self._accounts.emitted -= self._left_behind
            self._left_behind = 0

    def save_again(self, most: int = 256) -> bool:
        """Write records to the journal that are only in memory since the disk failed; say if there were."""
        before = self._memory.unsaved
        if not before or self.journal.folder is None:
            return False
        with self._lock:
            entries = [entry for entry in self._waiting.values() if entry.ref is None][:most]
            for kind in KINDS:
                same = [entry for entry in entries if entry.kind == kind and entry.value is not None]
                pairs = [(entry.key, encoded(entry.value)) for entry in same]
                refs = self.journal.append(kind, pairs)
                for entry, ref, (_, payload) in zip(same, refs or (), pairs, strict=False):
                    self._memory.saved(entry, ref, len(payload))
            return self._memory.unsaved < before

    def mark(self) -> FlushResult:
        """Return what has been reached so far, for `since`."""
        with self._lock:
            return self._accounts.since(FlushResult(), 0)

    def since(self, before: FlushResult, *, until: int) -> FlushResult:
        """Return what was reached after `mark`, and how many of the first *until* records wait."""
        with self._lock:
            older = sum(entry.sequence <= until for entry in self._waiting.values())
            return self._accounts.since(before, older + self._left_behind)

    def is_clear(self, until: int) -> bool:
        """Say whether none of the first *until* records waits; cheap, for the oldest come first."""
        with self._lock:
            oldest = next(iter(self._waiting.values()), None)
            return not self._left_behind and (oldest is None or oldest.sequence > until)

    @property
    def waiting(self) -> int:
        """Records not settled."""
        return len(self._waiting) + len(self._arrivals) + self._left_behind

    @property
    def safe(self) -> bool:
        """Whether everything that waits is on disk."""
        self.book()
        return self._memory.unsaved == 0

    def stats(self, **known: Any) -> Stats:
        """Return the counts, with what only the caller knows."""
        self.book()
        with self._lock:
            return self._accounts.stats(
                waiting=len(self._waiting) + self._left_behind,
                journal_bytes=self.journal.size,
                durable=self.journal.durable,
                **known,
            )

    def _join(self, key: bytes, ticket: Ticket) -> None:
        self._accounts.counts["repeated"] += 1
        entry = self._waiting.get(key)
        if entry is None or entry.ticket is ticket:
            return
        ticket.expect()
        if entry.ticket is None:
            entry.ticket = ticket
        else:
            entry.ticket.add_done_callback(lambda other: ticket.settle(error=other.fate))

    def _register(self, entry: Entry) -> None:
        if entry.kind == _LOG and entry.value is not None:
            self._logs.note(entry, entry.value)
        self._sequence += 1
        entry.sequence = self._sequence
        # No call between these two: an interrupt comes after both or before.
        self._waiting[entry.key] = entry
        self._accounts.emitted += 1
        self._seen.add(entry.key)

    def _save(self, kind: int, entries: list[Entry], pairs: list[tuple[bytes, bytes]]) -> None:
        refs = self.journal.append(kind, pairs)
        for number, entry in enumerate(entries):
            if refs is not None:
                entry.ref = refs[number]
            self._memory.hold(entry)

    def _make_room(self) -> None:
        if self._memory.unsaved > self._memory_max:
            with self._lock:
                shed = self._memory.shed(self._memory_max, (e for e in self._inbox if e.key in self._waiting))
            self.drop(shed, "disk_full" if self.journal.failing else "memory_full")
        if self.journal.over_limit:
            self.evict()

    def _claim(self, segment: Segment) -> list[Entry] | None:
        """Take a segment's records away from the sender; None when it has one in hand already."""
        with self._lock:
            mine = [e for e in self._waiting.values() if e.ref is not None and e.ref.segment is segment]
            if any(entry.taken for entry in mine):
                return None
            for entry in mine:
                entry.taken = True
            return mine

    def _settle(
        self, entries: Iterable[Entry], count: Callable[[int], None], error: str | None = None
    ) -> None:
        refs: list[Ref] = []
        tickets: Counter[Ticket] = Counter()
        with self._lock:
            done = [e for e in entries if self._waiting.get(e.key) is e and self._waiting.pop(e.key)]
            for entry in done:
                self._logs.forget(entry)
                self._memory.let_go(entry)
                if entry.ref is not None:
                    refs.append(entry.ref)
                if entry.ticket is not None:
                    tickets[entry.ticket] += 1
            self.journal.ack(refs)  # first: who waits for this may end the process when told
            count(len(done))
            self.condition.notify_all()
        for ticket, records in tickets.items():
            ticket.settle(records, error=error)

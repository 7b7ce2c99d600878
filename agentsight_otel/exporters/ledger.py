"""Every record from the moment it is taken until it is settled, each counted exactly once."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from agentsight_otel.exporters.entries import KEY_OF, KINDS, Entry, decode, encode, span_key, weight
from agentsight_otel.exporters.stats import Stats
from agentsight_otel.exporters.tickets import FlushResult, Ticket
from agentsight_otel.journal import Journal, Kind, Ref, Segment
from agentsight_otel.journal.record import Record
from agentsight_otel.journal.store import Adopted
from agentsight_otel.translation.span_data import SpanKey

HOT_BYTES = 8 * 1024 * 1024
"""Encoded bytes kept in memory of what is on disk too; the rest is read back when its turn comes."""

_SEEN = 16_384


class Ledger:
    """The records of one destination in this process. Safe for any thread."""

    def __init__(self, journal: Journal, *, memory_max_bytes: int) -> None:
        self.journal = journal
        self._lock = threading.RLock()
        self.condition = threading.Condition(self._lock)
        self._memory_max = memory_max_bytes
        self._inbox: deque[Entry] = deque()
        self._waiting: dict[bytes, Entry] = {}
        self._logs: dict[bytes, list[Entry]] = {}
        self._young: set[bytes] = set()
        self._old: set[bytes] = set()
        self._left: dict[bytes, Ticket | None] = {}
        self._left_behind = 0
        self._sequence = 0
        self._emitted = 0
        self._hot = 0
        self._unsaved = 0
        self._counts: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self._filtered: Counter[str] = Counter()

    def admit(self, kind: int, values: Sequence[Any], ticket: Ticket) -> list[Entry]:
        """Write new records to the journal; those known already are ignored, or joined while they wait.

        They are not in the inbox until `enqueue`.
        """
        key_of = KEY_OF[kind]
        on_disk = self.journal.folder is not None
        entries: list[Entry] = []
        pairs: list[tuple[bytes, bytes]] = []
        with self._lock:
            for value in values:
                key = key_of(value)
                if key in self._waiting or key in self._young or key in self._old:
                    self._join(key, ticket)
                    continue
                if on_disk:
                    payload = encode(value)
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
        if self._unsaved > self._memory_max:
            self.drop(self._shed(), "disk_full" if self.journal.failing else "memory_full")
        if self.journal.over_limit:
            self.evict()
        if self.journal.syncs and entries and entries[-1].ref is not None:
            self.journal.sync(entries[-1].ref)

    def adopt(self, adopted: Adopted) -> list[Record]:
        """Take over what a dead process left; returns the records that are not for delivery."""
        others: list[Record] = []
        done: list[Ref] = []
        with self._lock:
            self._counts["damaged"] += adopted.damaged
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
                    self._counts["adopted"] += 1
                    self._inbox.append(entry)
        self.journal.ack(done)
        return others

    def filtered(self, reason: str, records: int = 1) -> None:
        """Count records that are left out before they are taken."""
        with self._lock:
            self._emitted += records
            self._filtered[reason] += records

    def take(self, most: int) -> list[Entry]:
        """Return the next records of one kind, at most *most*, decoded; what cannot be read is dropped."""
        taken: list[Entry] = []
        with self._lock:
            while self._inbox and len(taken) < most:
                if taken and self._inbox[0].kind != taken[0].kind:
                    break
                entry = self._inbox.popleft()
                if entry.key in self._waiting:  # not shed meanwhile
                    entry.taken = True
                    taken.append(entry)
        unreadable = [entry for entry in taken if not self._load(entry)]
        if unreadable:
            self.drop(unreadable, "unreadable")
        return [entry for entry in taken if entry.value is not None]

    def cool(self, entries: Iterable[Entry]) -> None:
        """Forget the decoded values of taken records that are on disk."""
        with self._lock:
            for entry in entries:
                if entry.ref is not None and entry.value is not None:
                    self._let_go(entry)

    @property
    def admitted(self) -> int:
        """Records taken so far."""
        return self._sequence

    @property
    def inbox_size(self) -> int:
        """Records the sender has not taken."""
        return len(self._inbox)

    def entries(self, sources: Iterable[SpanKey]) -> list[Entry]:
        """Return the records of the spans named, with the log records that belong to them."""
        found: list[Entry] = []
        with self._lock:
            for source in sources:
                key = span_key(source)
                entry = self._waiting.get(key)
                if entry is not None:
                    found.append(entry)
                found.extend(log for log in self._logs.get(key, ()) if log.taken)
        return found

    def payload(self, entry: Entry) -> bytes:
        """Return a record's bytes, empty when they are gone."""
        if entry.value is not None:
            return encode(entry.value)
        return (self.journal.read(entry.ref) if entry.ref is not None else None) or b""

    def deliver(self, entries: Iterable[Entry]) -> None:
        """Settle records as delivered."""
        self._settle(entries, lambda count: self._counts.update(delivered=count))

    def bury(self, entries: Iterable[Entry], reason: str) -> None:
        """Settle records as dead."""
        self._settle(entries, lambda count: self._counts.update(dead=count), reason)

    def drop(self, entries: Iterable[Entry], reason: str) -> None:
        """Settle records as dropped."""
        self._settle(entries, lambda count: self._dropped.update({reason: count}), f"dropped: {reason}")

    def leave_out(self, entries: Iterable[Entry], reason: str) -> None:
        """Settle records as filtered."""
        self._settle(entries, lambda count: self._filtered.update({reason: count}))

    def note_waiting(self, reason: str, status: int | None) -> None:
        """Tell every ticket that waits that the destination is parked."""
        with self._lock:
            tickets = {entry.ticket for entry in self._waiting.values() if entry.ticket is not None}
        for ticket in tickets:
            ticket.note(reason, status, parked=True)

    def evict(self) -> None:
        """Drop what is over the journal's budget of bytes or age; what the sender has in hand stays."""
        for segment, reason in self.journal.evict():
            self.drop(self._idle_of(segment), reason)
            self.journal.discard(segment)

    def hand_over(self) -> None:
        """Leave what is on disk to the next process, and keep what is only in memory for later."""
        with self._lock:
            kept = []
            for entry in self._waiting.values():
                if entry.ref is None:
                    entry.taken = False
                    kept.append(entry)
                else:
                    self._let_go(entry)
                    self._left[entry.key] = entry.ticket
                    self._left_behind += 1
            self._waiting = {entry.key: entry for entry in kept}
            self._inbox = deque(kept)
            self._logs = {}
            for entry in kept:
                if entry.group is not None:
                    self._logs.setdefault(entry.group, []).append(entry)

    def resume(self) -> None:
        """Count what was handed over as no longer ours; what nobody took comes back by adoption."""
        with self._lock:
            self._emitted -= self._left_behind
            self._left_behind = 0

    def save_again(self, most: int = 256) -> None:
        """Write records to the journal that are only in memory since the disk failed."""
        if not self._unsaved or self.journal.folder is None:
            return
        with self._lock:
            entries = [entry for entry in self._waiting.values() if entry.ref is None][:most]
            for kind in KINDS:
                same = [entry for entry in entries if entry.kind == kind and entry.value is not None]
                refs = self.journal.append(kind, [(entry.key, encode(entry.value)) for entry in same])
                for entry, ref in zip(same, refs or (), strict=False):
                    entry.ref = ref
                    self._unsaved -= entry.size
                    self._hot += entry.size

    def mark(self) -> FlushResult:
        """Return what has been reached so far, for `since`."""
        with self._lock:
            return self._reached(0)

    def since(self, before: FlushResult, *, until: int) -> FlushResult:
        """Return what was reached after `mark`, and how many of the first *until* records wait."""
        with self._lock:
            now = self._reached(self._older(until))
        return FlushResult(
            now.delivered - before.delivered,
            now.waiting,
            now.dead - before.dead,
            now.dropped - before.dropped,
        )

    def is_clear(self, until: int) -> bool:
        """Say whether none of the first *until* records waits; cheap, for the oldest come first."""
        with self._lock:
            oldest = next(iter(self._waiting.values()), None)
            return not self._left_behind and (oldest is None or oldest.sequence > until)

    @property
    def waiting(self) -> int:
        """Records not settled."""
        return len(self._waiting) + self._left_behind

    @property
    def safe(self) -> bool:
        """Whether everything that waits is on disk."""
        return self._unsaved == 0

    def stats(self, **known: Any) -> Stats:
        """Return the counts, with what only the caller knows."""
        with self._lock:
            return Stats(
                emitted=self._emitted,
                delivered=self._counts["delivered"],
                waiting=self.waiting,
                dead=self._counts["dead"],
                dropped=dict(self._dropped),
                filtered=dict(self._filtered),
                adopted=self._counts["adopted"],
                repeated=self._counts["repeated"],
                damaged_bytes=self._counts["damaged"],
                journal_bytes=self.journal.size,
                durable=self.journal.durable,
                **known,
            )

    def _join(self, key: bytes, ticket: Ticket) -> None:
        self._counts["repeated"] += 1
        entry = self._waiting.get(key)
        if entry is None or entry.ticket is ticket:
            return
        ticket.expect()
        if entry.ticket is None:
            entry.ticket = ticket
        else:
            entry.ticket.add_done_callback(lambda other: ticket.settle(error=other.fate))

    def _register(self, entry: Entry) -> None:
        self._sequence += 1
        entry.sequence = self._sequence
        self._waiting[entry.key] = entry
        if entry.kind == Kind.LOG and entry.value is not None:
            self._note_log(entry)
        self._young.add(entry.key)
        if len(self._young) >= _SEEN:
            self._old, self._young = self._young, set()
        self._emitted += 1

    def _save(self, kind: int, entries: list[Entry], pairs: list[tuple[bytes, bytes]]) -> None:
        refs = self.journal.append(kind, pairs)
        if refs is None:
            self._unsaved += sum(entry.size for entry in entries)
            return
        for entry, ref in zip(entries, refs, strict=True):
            entry.ref = ref
            if self._hot + entry.size > HOT_BYTES:
                entry.value = None
            else:
                self._hot += entry.size

    def _load(self, entry: Entry) -> bool:
        if entry.value is None and entry.ref is not None:
            value = decode(entry.kind, self.journal.read(entry.ref) or b"")
            if value is None:
                return False
            with self._lock:
                entry.value = value
                self._hot += entry.size
                if entry.kind == Kind.LOG and entry.group is None:
                    self._note_log(entry)
        return entry.value is not None

    def _let_go(self, entry: Entry) -> None:
        if entry.value is not None:
            if entry.ref is None:
                self._unsaved -= entry.size
            else:
                self._hot -= entry.size
            entry.value = None

    def _shed(self) -> list[Entry]:
        """Find the oldest records to drop when memory is the only place and it is full."""
        shed: list[Entry] = []
        with self._lock:
            over = self._unsaved - self._memory_max
            for entry in self._inbox:
                if over <= 0:
                    break
                if entry.ref is None and entry.key in self._waiting:
                    shed.append(entry)
                    over -= entry.size
        return shed

    def _idle_of(self, segment: Segment) -> list[Entry]:
        with self._lock:
            return [
                entry
                for entry in self._waiting.values()
                if not entry.taken and entry.ref is not None and entry.ref.segment is segment
            ]

    def _settle(
        self, entries: Iterable[Entry], count: Callable[[int], None], error: str | None = None
    ) -> None:
        refs: list[Ref] = []
        tickets: Counter[Ticket] = Counter()
        with self._lock:
            done = [entry for entry in entries if self._waiting.pop(entry.key, None) is not None]
            for entry in done:
                if entry.group is not None:
                    self._forget_log(entry, entry.group)
                self._let_go(entry)
                if entry.ref is not None:
                    refs.append(entry.ref)
                if entry.ticket is not None:
                    tickets[entry.ticket] += 1
            count(len(done))
            self.condition.notify_all()
        self.journal.ack(refs)
        for ticket, records in tickets.items():
            ticket.settle(records, error=error)

    def _note_log(self, entry: Entry) -> None:
        entry.group = span_key(entry.value.key)
        self._logs.setdefault(entry.group, []).append(entry)

    def _forget_log(self, entry: Entry, key: bytes) -> None:
        rest = [log for log in self._logs.get(key, ()) if log is not entry]
        if rest:
            self._logs[key] = rest
        else:
            self._logs.pop(key, None)

    def _older(self, sequence: int) -> int:
        here = sum(1 for entry in self._waiting.values() if entry.sequence <= sequence)
        return here + self._left_behind

    def _reached(self, waiting: int) -> FlushResult:
        return FlushResult(
            self._counts["delivered"], waiting, self._counts["dead"], sum(self._dropped.values())
        )

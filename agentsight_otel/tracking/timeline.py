"""Timeline: what has been tracked for one conversation and not been sent.

Tracking takes no lock: a list's append is atomic, and the list's order is the transcript's. Times become
strictly increasing when the items are taken, from that order.
"""

from __future__ import annotations

import heapq
import os
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import NamedTuple

from agentsight_otel.tracking.items import Action, Item, Opened, Record, Tokens, encode_item, encode_record
from agentsight_otel.tracking.masked import masked_record
from agentsight_otel.tracking.sink import Sink, Ticket

GROWTH_STEP = 64 * 1024
"""Bytes a timeline grows by between two looks at the sum of all."""

ADMISSIONS_PER_CHECK = 256
"""Timelines between two looks, for those that stay small."""

LASTING_FIELDS = ("customer_id", "environment")
"""Sent with every batch. The others go once, so that a later batch cannot undo a change made elsewhere."""


class Taken(NamedTuple):
    """Items that left a timeline to be sent, each with its final time in microseconds."""

    items: list[tuple[int, Item]]
    fields: dict[str, str]
    refs: list[object]


class Batch(NamedTuple):
    """Items that were submitted: what a report needs, and their fate."""

    entries: list[tuple[str, int]]
    ticket: Ticket | None


class Timeline:
    """The unsent items of one conversation, in the order of tracking."""

    __slots__ = (
        "__weakref__",
        "_registry",
        "_stamped",
        "conversation_id",
        "counted_tokens",
        "fields",
        "held",
        "items",
        "last_us",
        "mark",
        "moved_to",
        "outstanding",
        "refs",
        "sending",
        "size",
        "uid",
    )

    def __init__(self, registry: Timelines, conversation_id: str | None) -> None:
        self._registry = registry
        self.conversation_id = conversation_id
        self.last_us = 0
        self.counted_tokens = False
        self.moved_to: Timeline | None = None
        self.reset()

    def reset(self) -> None:
        """Forget everything unsent: it is another process's to send, or this timeline is new."""
        self.uid = os.urandom(8).hex()
        self.items: list[Item] = []
        self.fields: dict[str, str] = {}
        self._stamped: dict[int, int] = {}
        self.refs: dict[int, Sequence[object]] = {}
        self.outstanding: list[Batch] = []
        self.sending = threading.Lock()
        self.held = False
        self.size = 0
        self.mark = GROWTH_STEP

    def add(self, item: Item, size: int) -> None:
        """Append *item*, which takes about *size* bytes of memory."""
        if self._registry.journal is not None:
            self.keep(item)
        self.items.append(item)
        if not self.held:
            self._registry.admit(self)
        self.size += size
        if self.size > self.mark:
            self.mark = self.size + GROWTH_STEP
            self._registry.check()

    def keep(self, item: Item) -> None:
        """Write *item* to the journal, if there is one."""
        if self.moved_to is not None:
            self.moved_to.keep(item)
            return
        journal = self._registry.journal
        if journal is None:
            return
        if journal.mask is not None:
            self._keep(item.seed, Record(self.uid, self.conversation_id, item))
            return
        ref = journal.keep(encode_item(self.uid, self.conversation_id, item))
        if ref is not None:
            seed = item.seed
            refs = self.refs
            refs[seed] = (*refs[seed], ref) if seed in refs else (ref,)

    def know(self, fields: dict[str, str]) -> None:
        """Add to what is known of the conversation; it travels with the next send."""
        if not fields.items() <= self.fields.items():
            self.fields.update(fields)
            self._keep(0, Record(self.uid, self.conversation_id, None, fields))

    def take(self) -> Taken:
        """Remove and return everything but actions that are still running; hold `sending` meanwhile."""
        count = len(self.items)
        running: list[Item] = []
        taken: list[tuple[int, Item]] = []
        refs = list(self.refs.pop(0, ()))
        for item in self.items[:count]:
            stamp = self._stamp(item)
            if isinstance(item, Action) and item.running:
                self._stamped[item.seed] = stamp
                running.append(item)
                continue
            taken.append((stamp, item))
            refs.extend(self.refs.pop(item.seed, ()))
        self.items[:count] = running
        self.size = 0
        self.mark = GROWTH_STEP
        fields = self.fields
        for _, item in taken:
            if isinstance(item, Opened):
                fields = fields | item.fields
        self.fields = {field: fields[field] for field in LASTING_FIELDS if field in fields}
        self.counted_tokens |= any(isinstance(item, Tokens) for _, item in taken)
        return Taken(taken, fields, refs)

    def stamped(self) -> list[tuple[int, Item]]:
        """Return the items with the times they would be sent with now, taking none."""
        last = self.last_us
        listed: list[tuple[int, Item]] = []
        for item in tuple(self.items):
            stamp = self._stamped.get(item.seed)
            if stamp is None:
                stamp = last = max(item.time_us, last + 1)
            listed.append((stamp, item))
        return listed

    def move_to(self, other: Timeline) -> None:
        """Merge everything unsent into *other*, by time."""
        self.moved_to = other
        count, moving = len(other.items), self.items[:]
        del self.items[: len(moving)]
        other.items[:count] = heapq.merge(other.items[:count], moving, key=lambda item: item.time_us)
        other.fields.update(self.fields)
        for seed, refs in self.refs.items():
            other.refs[seed] = (*other.refs.get(seed, ()), *refs)
        self.refs = {}
        other.size += self.size

    def put_back(self, taken: Taken) -> None:
        """Undo a `take`."""
        self.items[:0] = [item for _, item in taken.items]
        self._stamped.update({item.seed: stamp for stamp, item in taken.items})
        self.fields = taken.fields | self.fields
        self.refs[0] = (*self.refs.get(0, ()), *taken.refs)

    def forget(self, batch: Batch) -> None:
        """Report nothing of *batch* any more."""
        self.outstanding = [other for other in self.outstanding if other is not batch]
        self.settle()

    def settle(self) -> None:
        """Let go of this timeline if nothing of it is unsent."""
        self._registry.let_go(self)

    def rekeep(self) -> None:
        """Write everything unsent to a journal that was opened after it was tracked."""
        if self.fields:
            self._keep(0, Record(self.uid, self.conversation_id, None, self.fields))
        for item in tuple(self.items):
            self.keep(item)

    def forget_refs(self) -> list[object]:
        """Return what the journal gave for everything unsent, and forget it."""
        refs, self.refs = self.refs, {}
        return [ref for kept in refs.values() for ref in kept]

    def record_name(self) -> None:
        """Tell the journal the name this timeline got."""
        if self.items:
            self._keep(0, Record(self.uid, self.conversation_id))

    def _keep(self, seed: int, record: Record) -> None:
        journal = self._registry.journal
        if journal is None:
            return
        if journal.mask is not None:
            record = masked_record(record, journal.mask)
        ref = journal.keep(encode_record(record))
        if ref is not None:
            self.refs[seed] = (*self.refs.get(seed, ()), ref)

    def _stamp(self, item: Item) -> int:
        stamp = self._stamped.pop(item.seed, None)
        if stamp is None:
            stamp = self.last_us = max(item.time_us, self.last_us + 1)
        return stamp


class Timelines:
    """Every timeline of one tracker: kept while something is unsent, forgotten when nobody needs it."""

    def __init__(self, budget: int, hand_over: Callable[[Sequence[Timeline]], None]) -> None:
        """Create an empty registry.

        Args:
            budget: Bytes that unsent items may take in memory; above, the oldest timelines go first.
            hand_over: Called with those timelines, oldest first.
        """
        self.journal: Sink | None = None
        self.budget = budget
        self._hand_over = hand_over
        self._named: weakref.WeakValueDictionary[str, Timeline] = weakref.WeakValueDictionary()
        self._held: dict[str, Timeline] = {}
        self._lock = threading.Lock()
        _registries.add(self)

    def get(self, conversation_id: str) -> Timeline:
        """Return the timeline of a conversation."""
        with self._lock:
            timeline = self._named.get(conversation_id)
            if timeline is None:
                timeline = self._named[conversation_id] = Timeline(self, conversation_id)
            return timeline

    def unnamed(self) -> Timeline:
        """Return a new timeline that waits for its name."""
        return Timeline(self, None)

    def adopt(self, unnamed: Timeline, conversation_id: str) -> Timeline:
        """Give *unnamed* its name; return the timeline that has its items now."""
        with self._lock:
            named = self._named.get(conversation_id)
            unnamed.conversation_id = conversation_id
            if named is None:
                named = self._named[conversation_id] = unnamed
        unnamed.record_name()
        if named is not unnamed:
            with named.sending:
                unnamed.move_to(named)
            self.hold(named)
            self.let_go(unnamed)
        return named

    def admit(self, timeline: Timeline) -> None:
        """Keep a timeline alive that was empty until now."""
        self.hold(timeline)
        if len(self._held) % ADMISSIONS_PER_CHECK == 0:
            self.check()

    def hold(self, timeline: Timeline) -> None:
        """Keep a timeline alive: it has something unsent."""
        timeline.held = True
        self._held[timeline.uid] = timeline

    def let_go(self, timeline: Timeline) -> None:
        """Stop keeping a timeline alive, unless something of it is unsent."""
        self._held.pop(timeline.uid, None)
        timeline.held = False
        # Looked at after letting go, so that an append in between is held by one of the two.
        if timeline.items or timeline.outstanding:
            self.hold(timeline)

    def unsent(self) -> list[Timeline]:
        """Return the timelines that have items, oldest first."""
        return [timeline for timeline in self._held.copy().values() if timeline.items]

    def check(self) -> None:
        """Hand over the oldest timelines if all together take more memory than they may."""
        timelines = self.unsent()
        excess = sum(timeline.size for timeline in timelines) - self.budget
        if excess <= 0:
            return
        oldest: list[Timeline] = []
        for timeline in timelines:
            if excess <= 0:
                break
            oldest.append(timeline)
            excess -= timeline.size
        self._hand_over(oldest)

    def after_fork_in_child(self) -> None:
        """Leave what the parent tracked to the parent."""
        self._lock = threading.Lock()
        for timeline in {*self._held.values(), *self._named.values()}:
            timeline.reset()
        self._held.clear()


_registries: weakref.WeakSet[Timelines] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for registry in tuple(_registries):
        registry.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)

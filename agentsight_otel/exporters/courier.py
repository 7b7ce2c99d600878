"""From the inbox to the backend: what is sent next, and what every outcome leads to."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from agentsight_otel.exporters.adoption import Adopter
from agentsight_otel.exporters.batching import Batch, Batcher, Part
from agentsight_otel.exporters.clock import CLOCK, Clock
from agentsight_otel.exporters.entries import Entry
from agentsight_otel.exporters.graveyard import Graveyard
from agentsight_otel.exporters.ledger import Ledger
from agentsight_otel.exporters.link import Link
from agentsight_otel.exporters.notices import Notices
from agentsight_otel.exporters.rescue import rescue
from agentsight_otel.exporters.settlement import Settlement
from agentsight_otel.exporters.tickets import Ticket
from agentsight_otel.exporters.uploads import ATTACHMENTS, Pending, Uploader
from agentsight_otel.guard import guarded
from agentsight_otel.journal import Kind
from agentsight_otel.translation.block import Upload
from agentsight_otel.translation.span_data import LogData, SpanData, SpanKey
from agentsight_otel.transport import BROKEN, Outcome, Verdict

if TYPE_CHECKING:
    from agentsight_otel.translation.assembly import Assembled, Assembler

INGEST = "/api/ingest/"
STEP = 16
"""Spans handled before other threads get a turn; twice as many while none of them records."""

_HOUSEKEEPING = 5.0
_ASSEMBLY_CHECK = 0.5
_IDLE = 30.0
_MOST_DOUBLINGS = 6
_FAILED = -1.0
_MIN_REQUEST = 16 * 1024
_ISOLATE_AFTER = 3
# While others record, each step is followed by a pause, so that few of their calls find us at work: in the
# first seconds of a burst less than one in a hundred. Each time we ask for the interpreter, their writes
# wake us in vain until we get it.
_PAUSE = 0.001
_BURST_PAUSE = 0.1
_BURST = 5.0
_MANY = 512
_CROWD = 50_000

Observe = Callable[[str, int, Outcome], None]


class Courier:
    """Does one thing at a time, on whichever thread calls `step`.

    Args:
        ledger: The records.
        link: The destination.
        make_assembler: Makes what makes blocks of spans.
        graveyard: Takes what is refused.
        adopter: Finds what dead processes left.
        max_request_bytes: Of one request before compression.
        observe: Told of every request: its path, its records and its outcome.
        clock: Decides when something is due.
    """

    def __init__(
        self,
        ledger: Ledger,
        link: Link,
        make_assembler: Callable[[], Assembler],
        graveyard: Graveyard,
        adopter: Adopter,
        *,
        max_request_bytes: int,
        observe: Observe,
        clock: Clock = CLOCK,
    ) -> None:
        self._ledger = ledger
        self._link = link
        self._make_assembler = make_assembler
        self._max_request_bytes = max_request_bytes
        self._adopter = adopter
        self._observe = observe
        self._clock = clock
        self._settlement = Settlement(ledger, graveyard, self._add_uploads)
        self._uploader = Uploader(link.transport)
        self._notices = Notices()
        self._keep_at = 0.0
        self._calm_at = time.monotonic()
        self._failed = self._translating = False
        self._failures = 0
        self.draining = False
        self.kicked = False
        self.waits = False
        self.reset()

    def reset(self) -> None:
        """Forget what is in hand; its records come again."""
        self._assembler = self._make_assembler()
        self._batcher = Batcher(self._max_request_bytes)
        self._outgoing: deque[Batch] = deque()
        self._aside: deque[Batch] = deque()
        self._uploads: deque[Pending] = deque()
        self.adopting = True

    def step(self) -> float:
        """Do what is due; return the seconds until there is something to do again."""
        now = self._clock.now()
        if self.adopting or now >= self._keep_at:
            self._keep_house(now)
        elif self._adopter.unfinished:
            self._adopter.run(now)
        wait = _FAILED if self._failed else self._work(now)
        if wait == _FAILED:
            return self._rescue(now)
        self._failures = 0
        return wait

    @guarded(_FAILED)
    def _work(self, now: float) -> float:
        """Send something if it is time to; ``_FAILED`` says that code of ours failed."""
        if self.kicked:
            self.kicked = False
            self._link.backoff.skip()
        wait = self._link.wait(now)
        self.waits = wait > 0
        if self.waits:
            self._ledger.book()
            return min(wait, max(0.0, self._keep_at - now))
        if self._send_batch() or self._send_upload(now):
            return 0.0
        return self._rest(now)

    @guarded(None)
    def _keep_house(self, now: float) -> None:
        self._keep_at = now + _HOUSEKEEPING
        try:
            self._ledger.evict()
            self._ledger.save_again()
            self._adopter.run(now, at_once=self.adopting)
        finally:
            self.adopting = False

    def _rescue(self, now: float) -> float:
        """Go on with what was in hand, but for what our own code fails on: that becomes dead letters."""
        if not self._translating:
            self.reset()
        self._failed, self._translating = True, False
        parts = [*self._batcher.parts(), *self._outgoing_parts()]
        batched = {id(entry) for entry in self._settlement.entries(parts)}
        batched |= {id(pending.entry) for pending in self._uploads}
        entries: dict[int, Entry] = {}
        values: list[SpanData | LogData] = []
        for entry, value in self._ledger.in_hand(batched):
            if entry.kind == Kind.UPLOAD:
                self._assemble([(entry, value)])
            else:
                entries[id(value)] = entry
                values.append(value)
        found = rescue(values, self._make_assembler, self._max_request_bytes)
        for culprit, error in found.culprits:
            self._settlement.bury([entries[id(culprit)]], f"it cannot be translated: {error}", None)
        self._assembler = found.assembler
        for each in found.assembled:
            self._accept(each)
        self._failed = False
        self._failures = 0 if found.culprits else self._failures + 1
        # What fails without a culprit may do so after each request: it must not be sent all the time.
        self._link.backoff.hold(now, 2.0 ** min(self._failures, _MOST_DOUBLINGS) - 1.0)
        return 0.0

    def _rest(self, now: float) -> float:
        due = [max(0.0, self._keep_at - now)]
        due += [pending.backoff.left(now) for pending in self._uploads]
        if self._assembler.pending:
            due.append(_ASSEMBLY_CHECK)
        return min(*due, _IDLE)

    def _fill(self) -> None:
        left_out = self._ledger.left_out
        ended = len(left_out)  # what is below these has come before them
        others = True
        while not self._batcher.full and self._ledger.inbox_size:
            before = self._ledger.admitted
            taken = self._ledger.take(STEP if others else 2 * STEP)
            if taken:
                self._assemble(taken)
            others = self._ledger.admitted != before
            self._pause(others=others)
        if self._ledger.inbox_size:
            return
        self._assembler.go_without(left_out.popleft() for _ in range(ended))
        if self.draining:
            self.draining = False
            self._translate(self._assembler.drain)
        elif self._assembler.pending:
            self._translate(self._assembler.expire, time.time_ns())

    def _pause(self, *, others: bool) -> None:
        """Let other threads run; for longer when *others* recorded meanwhile."""
        waiting, now = self._ledger.inbox_size, time.monotonic()
        if waiting < _MANY:
            self._calm_at = now
        burst = waiting >= _MANY and now - self._calm_at < _BURST
        pause = _BURST_PAUSE if burst else _PAUSE
        time.sleep(pause if others and waiting < _CROWD else 0)

    def _assemble(self, taken: list[tuple[Entry, Any]]) -> None:
        kind = taken[0][0].kind
        if kind == Kind.UPLOAD:
            policy = self._link.backoff.policy
            self._uploads.extend(Pending(entry, upload, policy) for entry, upload in taken)
            return
        values = [value for _, value in taken]
        if kind == Kind.LOG:
            self._translate(self._assembler.add_logs, values, time.time_ns())
        else:
            self._translate(self._assembler.add, values, time.time_ns())

    def _translate(self, method: Callable[..., Assembled], *given: Any) -> None:
        self._translating = True
        assembled = method(*given)
        self._translating = False
        self._accept(assembled)

    def _accept(self, assembled: Assembled) -> None:
        self._notices.tell(self._assembler.notices)
        for block in assembled.blocks:
            self._batcher.add(block)
        by_reason: dict[str, list[SpanKey]] = {}
        for key, reason in assembled.filtered:
            by_reason.setdefault(reason, []).append(key)
        for reason, keys in by_reason.items():
            self._ledger.leave_out(self._ledger.entries(keys), reason)

    def _next_batch(self) -> Batch | None:
        if not self._outgoing:
            self._fill()
            batch = self._batcher.take()
            if batch is None and self._aside:
                batch = self._aside.popleft()
            if batch is None:
                return None
            self._outgoing.append(batch)
        while self._outgoing[0].size > self._batcher.max_bytes and self._outgoing[0].divisible:
            self._replace(self._outgoing[0].halves())
        return self._outgoing[0]

    def _replace(self, batches: list[Batch]) -> None:
        self._outgoing.popleft()
        self._outgoing.extendleft(reversed(batches))

    def _send_batch(self) -> bool:
        batch = self._next_batch()
        if batch is None:
            return False
        outcome = self._link.post(INGEST, batch.body, batch.key)
        now = self._clock.now()
        self._link.note(outcome, now)
        self._observe(INGEST, sum(len(part.spans) for part in batch.parts), outcome)
        self._follow(batch, outcome)
        if outcome.verdict is Verdict.OK and self._link.learn(len(batch.body), now):
            self._adopter.note_agent(self._link.agent_id)
        return True

    def _follow(self, batch: Batch, outcome: Outcome) -> None:
        if outcome.verdict is Verdict.OK:
            self._outgoing.popleft()
            self._settlement.taken(batch, outcome)
        elif outcome.verdict is Verdict.REFUSED:
            again = self._settlement.refused(batch, outcome)
            self._replace(again)
        elif outcome.verdict is Verdict.SPLIT:
            self._split(batch, outcome)
        elif outcome.cause != "interrupted":
            self._settlement.failed(batch, outcome)
            self._isolate(batch, outcome)

    def _split(self, batch: Batch, outcome: Outcome) -> None:
        if batch.divisible:
            self._batcher.max_bytes = max(_MIN_REQUEST, min(self._batcher.max_bytes, batch.size) // 2)
            self._replace(batch.halves())
        else:
            self._outgoing.popleft()
            self._settlement.too_large(batch, outcome)

    def _isolate(self, batch: Batch, outcome: Outcome) -> None:
        """Find out which conversation a server breaks on, and let the others pass it by."""
        if outcome.status != 500 and outcome.cause != "timeout":
            return
        batch.failures += 1
        if batch.failures % _ISOLATE_AFTER:
            return
        if batch.divisible and (outcome.status != 500 or len(batch.parts) > 1):
            self._replace(batch.halves())
        elif len(self._outgoing) > 1 or self._ledger.inbox_size or self._batcher.full:
            self._aside.append(self._outgoing.popleft())

    def _add_uploads(self, uploads: list[Upload]) -> None:
        ticket = Ticket(self._ledger.condition)
        self._ledger.enqueue(self._ledger.admit(Kind.UPLOAD, uploads, ticket))

    def _send_upload(self, now: float) -> bool:
        for pending in list(self._uploads):
            if pending.backoff.left(now) <= 0 and not self._blocked(pending.upload.conversation_id):
                break
        else:
            return False
        outcome = self._uploader.send(pending)
        self._observe(ATTACHMENTS, 1, outcome)
        if outcome.verdict is Verdict.OK or (outcome.status != 404 and outcome.cause != BROKEN.cause):
            self._link.note(outcome, now)
        self._follow_upload(pending, outcome, now)
        return True

    def _follow_upload(self, pending: Pending, outcome: Outcome, now: float) -> None:
        entry = pending.entry
        if outcome.verdict is Verdict.OK:
            self._uploads.remove(pending)
            self._ledger.deliver([entry])
        elif outcome.verdict is Verdict.REFUSED:
            self._uploads.remove(pending)
            self._settlement.bury([entry], outcome.reason, outcome.status, pending.upload.conversation_id)
        elif outcome.cause != "interrupted":
            pending.backoff.failed(now, outcome.retry_after)
            if entry.ticket is not None:
                entry.ticket.note(outcome.reason, outcome.status, parked=outcome.verdict is Verdict.PARK)

    def _blocked(self, conversation_id: str) -> bool:
        return self._batcher.holds(conversation_id) or any(
            part.conversation_id == conversation_id for part in self._outgoing_parts()
        )

    def _outgoing_parts(self) -> Iterator[Part]:
        for batch in (*self._outgoing, *self._aside):
            yield from batch.parts

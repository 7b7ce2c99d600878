"""Delivery: everything recorded for one destination, from submit to settled."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from opentelemetry.metrics import MeterProvider
from opentelemetry.sdk.trace import ReadableSpan

from agentsight_otel.config import Config
from agentsight_otel.enums import Durability
from agentsight_otel.exporters.adoption import Adopter, KeptItem
from agentsight_otel.exporters.assembling import make_assembler
from agentsight_otel.exporters.clock import CLOCK, Clock
from agentsight_otel.exporters.courier import STEP, Courier
from agentsight_otel.exporters.entries import Entry
from agentsight_otel.exporters.flushing import PATIENCE, Flusher
from agentsight_otel.exporters.graveyard import DeadLetter, Graveyard
from agentsight_otel.exporters.keys import KeyCallback, KeySource
from agentsight_otel.exporters.ledger import Ledger
from agentsight_otel.exporters.link import PROBE_INTERVAL, Link
from agentsight_otel.exporters.metrics import Metrics
from agentsight_otel.exporters.packed import UNUSUAL
from agentsight_otel.exporters.sender import Sender
from agentsight_otel.exporters.stats import Stats
from agentsight_otel.exporters.tickets import FlushResult, Ticket
from agentsight_otel.forking import SETUP, forks_behind_python
from agentsight_otel.journal import DeadFile, Journal, Kind, Ref, default_folder, fingerprint
from agentsight_otel.retry import Backoff, RetryPolicy
from agentsight_otel.translation.block import Upload
from agentsight_otel.translation.masking import mask_log, mask_span
from agentsight_otel.translation.readable import from_readable_span
from agentsight_otel.translation.relevance import is_relevant
from agentsight_otel.translation.span_data import LogData, SpanData
from agentsight_otel.transport import Outcome, Transport

__all__ = ["Delivery", "FlushResult", "Stats", "Ticket"]

logger = logging.getLogger("agentsight_otel")

Mask = Callable[[str], str]

_NO_KEY = bytes(24)
_ITEM = Kind.ITEM


class Delivery:
    """Takes records for one destination and delivers them, each exactly once as far as the backend allows.

    `submit` returns when the records are in the journal. One daemon thread, started when there is something
    to do, sends them. After a fork the child begins with nothing: what waited is its parent's. Safe for any
    thread. Get one with `registry.delivery_for`.

    Args:
        config: Endpoint, key, limits and durability.
        mask: Applied to every text before anything is written.
        meter_provider: Gets the delivery's own metrics.
        key_callback: Asked for the key when the backend refuses the one in use.
        probe_interval: Seconds between attempts while the backend refuses the key.
        retry_policy: How long to wait between attempts otherwise.
        clock: What the thread lives by.
    """

    def __init__(
        self,
        config: Config,
        *,
        mask: Mask | None = None,
        meter_provider: MeterProvider | None = None,
        key_callback: KeyCallback | None = None,
        probe_interval: float = PROBE_INTERVAL,
        retry_policy: RetryPolicy | None = None,
        clock: Clock = CLOCK,
    ) -> None:
        self.config = config
        self._masks: tuple[Mask, ...] = ()
        self.mask: Mask | None = None
        self.require_mask(mask)
        self.folder = spool_folder(config)
        if self.folder is None and config.durability is not Durability.MEMORY:
            logger.warning("agentsight-otel: no folder can be written; keeping in memory")
        self.keys = KeySource(config.require_api_key(), key_callback, file=config.api_key_file)
        self._key = config.require_api_key()
        self._probe_interval = probe_interval
        self._retry_policy = retry_policy
        self._clock = clock
        self._open()
        self._metrics = Metrics(config.endpoint, self.stats, meter_provider)

    def submit(
        self, spans: Sequence[SpanData], uploads: Sequence[Upload] = (), *, masked: bool = False
    ) -> Ticket:
        """Take spans, and the attachments to send after them, as one run.

        Args:
            spans: In order. One whose key was submitted lately is ignored, or joined while it waits.
            uploads: Attachments of the same conversation.
            masked: The mask has been applied already.

        Returns:
            A handle on what becomes of them.
        """
        self._check_process()
        ticket = Ticket(self._ledger.condition)
        if (parked := self._link.parked) is not None:  # whoever waits hears what all others were told
            ticket.note(parked, self._link.parked_status, parked=True)
        elif (trouble := self._link.trouble) is not None:
            ticket.error, ticket.status_code = trouble
        entries: list[Entry] = []
        mask = None if masked else self.mask
        for start in range(0, len(spans), STEP):
            if start:
                time.sleep(0)  # other threads get a turn
            some = spans[start : start + STEP]
            given = some if mask is None else [mask_span(span, mask) for span in some]
            entries += self._ledger.admit(Kind.SPAN, given, ticket)
        for upload in uploads:
            entries += self._ledger.admit(Kind.UPLOAD, [upload], ticket)
        self._enqueue(entries)
        return ticket

    def receive(self, span: ReadableSpan, every: bool = True) -> bool:
        """Take one finished span, which is in the journal when this returns; the fastest way in.

        Returns False for one that is about no agent or conversation, unless *every* is to be taken.
        """
        if os.getpid() != self._pid:
            self._check_process()
        if self.mask is None:
            try:
                taken = self._ledger.receive(span, every)
            except UNUSUAL:
                pass
            else:
                # While the backend is down the sender need not hear of every span.
                if self._sender.wants and not self._courier.waits:
                    self._run()
                return taken
        data = from_readable_span(span)
        if not (every or is_relevant(data)):
            self._ledger.left_out.append((data.trace_id, data.span_id))
            return False
        self.submit([data])
        return True

    def receive_many(self, spans: Sequence[ReadableSpan], every: bool = True) -> int:
        """Take several finished spans as one run, at less cost for each; return how many were taken."""
        self._check_process()
        if self.mask is not None or self._journal.folder is None:
            return sum(self.receive(span, every) for span in spans)
        taken = 0
        for start in range(0, len(spans), STEP):
            if start:
                time.sleep(0)  # other threads get a turn
            some = spans[start : start + STEP]
            try:
                taken += self._ledger.receive_many(some, every)
            except UNUSUAL:
                taken += sum(self.receive(span, every) for span in some)
        if taken:
            self._run()
        return taken

    def submit_logs(self, logs: Sequence[LogData]) -> None:
        """Take log records that belong to spans."""
        self._check_process()
        if self.mask is not None:
            logs = [mask_log(log, self.mask) for log in logs]
        ticket = Ticket(self._ledger.condition)
        self._enqueue(self._ledger.admit(Kind.LOG, logs, ticket))

    def require_mask(self, mask: Mask | None) -> None:
        """Apply *mask* to every text from now on, after those required before; None changes nothing."""
        if mask is None or mask in self._masks:
            return
        self._masks = masks = (*self._masks, mask)
        self.mask = mask if len(masks) == 1 else lambda text: _in_turn(masks, text)

    def go_without(self, spans: Iterable[tuple[str, str]]) -> None:
        """Wait for none of these to come, which have ended; they are given by their trace and span ids."""
        self._ledger.left_out.extend(spans)

    def filtered(self, reason: str, records: int = 1) -> None:
        """Count records that somebody left out before they came here."""
        self._ledger.filtered(reason, records)

    def kick(self) -> None:
        """Try what waits now, without backoff."""
        self._check_process()
        for ticket in self._ledger.tickets():
            ticket.renew()
        self._courier.kicked = True
        self._run()

    def flush(self, timeout: float) -> FlushResult:
        """Deliver what waits.

        Args:
            timeout: Seconds this may take.

        Returns:
            What was reached; when records are left waiting they are still tried later. Comes back early
            when the backend refuses the key.
        """
        self._check_process()
        result = self._flusher.flush(timeout)
        if forks_behind_python() and not self._sender.is_current:
            self._sender.stop()
        return result

    def shutdown(self, timeout: float) -> FlushResult:
        """Deliver what can be delivered now, end the thread and let go of the journal.

        Waits *timeout* seconds at most, and no longer than there is progress when everything that waits is
        on disk: the next process sends it. A later `submit` starts everything again.
        """
        self._check_process()
        result = self._flusher.flush(timeout, patience=PATIENCE)
        if self._sender.is_current:
            return result
        if self._sender.stop():
            self._courier.reset()
        self._courier.waits = False
        self._transport.close()
        self._ledger.hand_over()
        self._courier.adopting = True
        return result

    @property
    def waiting(self) -> int:
        """Records not settled; like the next two it waits for no lock, so that an event loop may ask."""
        return self._ledger.waiting

    @property
    def journal_bytes(self) -> int:
        """Size of the journal."""
        return self._journal.size

    @property
    def durable(self) -> bool:
        """Whether records are on disk at the moment."""
        return self._journal.durable

    def stats(self) -> Stats:
        """Return the counts."""
        link = self._link
        return self._ledger.stats(requests=link.requests, failures=link.failures, parked=link.parked)

    def dead_letters(self) -> list[DeadLetter]:
        """Return what the backend refused for good, oldest first."""
        return self._graveyard.letters()

    def keep(self, item: bytes) -> object | None:
        """Write an unsent timeline item to the journal.

        Returns:
            A handle for `release`, None when nothing is written to disk. An item that `recover` returned is
            there already.
        """
        self._check_process()
        if isinstance(item, KeptItem):
            return item.ref
        journal = self._journal
        ref = journal.append_one(_ITEM, _NO_KEY, item)
        if journal.syncs and ref is not None:
            journal.sync(ref)
        return ref

    def release(self, refs: Sequence[object]) -> None:
        """Forget kept items."""
        self._check_process()
        self._journal.ack([ref for ref in refs if isinstance(ref, Ref) and not ref.segment.gone])

    def recover(self) -> list[bytes]:
        """Return the timeline items that dead processes kept and never released, oldest first."""
        self._check_process()
        self._adopter.run(self._clock.now(), at_once=True)
        if self._ledger.waiting:
            self._run()
        return self._adopter.items()

    def start(self) -> None:
        """Start the thread if dead processes left something to send."""
        if self._journal.orphans():
            self._run()

    def after_fork(self) -> None:
        """Begin anew in a child process."""
        self._key = self._transport.api_key
        self._transport.abandon()
        self._journal.abandon()
        self._open()

    def _open(self) -> None:
        config = self.config
        self._journal = Journal(
            self.folder,
            durability=config.durability,
            max_bytes=config.spool_max_bytes,
            max_age=config.spool_max_age,
        )
        self._ledger = Ledger(self._journal, memory_max_bytes=config.memory_max_bytes)
        stopping = threading.Event()
        self._transport = Transport(config.endpoint, self._key, timeout=config.timeout, stop=stopping)
        self._link = Link(
            self._transport, self.keys, Backoff(self._retry_policy), probe_interval=self._probe_interval
        )
        folder = self._journal.folder
        dead = None if folder is None else DeadFile(folder, max_bytes=config.spool_max_bytes // 4)
        self._graveyard = Graveyard(dead)
        self._adopter = Adopter(self._ledger, self._journal, config.endpoint)
        self._courier = Courier(
            self._ledger,
            self._link,
            partial(
                make_assembler,
                environment=config.environment,
                export_all=config.export_all,
                max_text_length=config.max_text_length,
            ),
            self._graveyard,
            self._adopter,
            max_request_bytes=config.max_request_bytes,
            observe=self._observe,
            clock=self._clock,
        )
        self._sender = Sender(self._courier.step, stopping, self._clock)
        self._flusher = Flusher(
            self._ledger,
            self._link,
            self._courier,
            self._sender,
            self._adopter,
            self._journal,
            partial(self._run, briefly=True),
        )
        self._pid = os.getpid()  # last: from now on no thread waits for all this

    def _observe(self, path: str, records: int, outcome: Outcome) -> None:
        self._metrics.request(path, records, outcome)

    def _enqueue(self, entries: list[Entry]) -> None:
        if entries:
            self._ledger.enqueue(entries)
            self._run()

    def _run(self, *, briefly: bool = False) -> None:
        self._sender.start(briefly=briefly)
        self._sender.wake()

    def _check_process(self) -> None:
        if os.getpid() == self._pid:
            return
        with SETUP:  # where Python was not told of the fork, several threads may be the first
            if os.getpid() != self._pid:
                self.after_fork()


def _in_turn(masks: Sequence[Mask], text: str) -> str:
    for mask in masks:
        text = mask(text)
    return text


def spool_folder(config: Config) -> Path | None:
    """Return the folder of a destination's journal; None when there is nowhere to put one."""
    root = Path(config.spool_dir) if config.spool_dir else default_folder()
    # Absolute: an application that changes its folder must not lose the journal's.
    return None if root is None else root.absolute() / fingerprint(config.endpoint, config.require_api_key())

"""Outbox: the way from a timeline to the sink and to the provider."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

from agentsight_otel.config import Config
from agentsight_otel.enums import Durability
from agentsight_otel.forking import SETUP
from agentsight_otel.helpers import generate_conversation_id
from agentsight_otel.tracking import plan
from agentsight_otel.tracking.items import Item, Message, Opened, Tokens, decode_record
from agentsight_otel.tracking.limits import messages_per_turn
from agentsight_otel.tracking.mirror import mirror
from agentsight_otel.tracking.revival import revived
from agentsight_otel.tracking.sink import Sink
from agentsight_otel.tracking.timeline import Batch, Taken, Timeline, Timelines
from agentsight_otel.tracking.tracers import TracerGetter, ambient_span, own
from agentsight_otel.translation.span_data import SpanData

logger = logging.getLogger("agentsight_otel")

STEP = 8
"""Spans made between two moments in which other threads may run."""

MAX_UNREPORTED = 10_000
"""Items submitted before anybody asked that the next send of their conversation still reports."""

Connect = Callable[[Config], Sink]


class Outbox:
    """Submits what timelines hold.

    Attributes:
        timelines: The unsent items.
        dropped: Items given up for want of a key, when memory was full or the process ended.
        must_connect: Whether tracked items belong into a journal that is not open yet.
    """

    def __init__(
        self, config: Config, connect: Connect, tracer: TracerGetter, heard: Callable[[], bool]
    ) -> None:
        self._config = config
        self._connect = connect
        self._tracer = tracer
        self._heard = heard
        self._sink: Sink | None = None
        self.timelines = Timelines(config.memory_max_bytes, self._hand_over)
        self.dropped = 0
        self._early: deque[tuple[Timeline, Batch]] = deque()
        self._early_items = 0
        self.must_connect = self._journals(config)

    def reconfigure(self, config: Config) -> None:
        """Use *config* from now on; another key or endpoint, or none at all, means another sink."""
        old, self._config = self._config, config
        self.timelines.budget = config.memory_max_bytes
        if (old.api_key, old.endpoint, old.deliver) == (config.api_key, config.endpoint, config.deliver):
            return
        with SETUP:
            sink, self._sink = self._sink, None
            self.timelines.journal = None
            self.must_connect = self._journals(config)
        if sink is not None:
            kept = [ref for timeline in self.timelines.unsent() for ref in timeline.forget_refs()]
            if self.must_connect:
                self.sink()
            sink.release(kept)

    def sink(self) -> Sink:
        """Return the sink, connecting it on first use.

        Raises:
            NoApiKeyException: No key is configured.
        """
        sink = self._sink
        if sink is not None:
            return sink
        self._config.require_api_key()
        with SETUP:
            if self._sink is None:
                self._sink = self._open()
                self.must_connect = False
            return self._sink

    def submit(self, timeline: Timeline, conversation_id: str) -> Batch | None:
        """Submit what *timeline* holds, while its `sending` is held; None when there is nothing.

        Raises:
            NoApiKeyException: No key is configured; nothing has been taken.
        """
        if not timeline.items:
            return None
        sink = self.sink() if self._config.deliver else None
        taken = timeline.take()
        if not taken.items:
            timeline.put_back(taken)
            return None
        batch = None
        try:
            batch = self._submit(sink, taken, conversation_id)
        finally:
            if batch is None:
                timeline.put_back(taken)
        return batch

    def submit_alone(self, conversation_id: str, item: Opened) -> Batch:
        """Submit one item at once, past every timeline.

        Raises:
            NoApiKeyException: No key is configured.
        """
        sink = self.sink() if self._config.deliver else None
        return self._submit(sink, Taken([(item.time_us, item)], item.fields, []), conversation_id)

    def kick(self) -> None:
        """Try what waits now, without backoff."""
        if self._sink is not None:
            self._sink.kick()

    def hand_over(self) -> int:
        """Submit everything unsent without waiting; return how many conversations that were."""
        timelines = self.timelines.unsent()
        self._hand_over(timelines)
        return len(timelines)

    def give_up(self) -> None:
        """Count what no key was ever given for as dropped, and say so; for the end of the process."""
        if self._config.has_usable_key or not self._config.deliver:
            return
        count = 0
        for timeline in self.timelines.unsent():
            count += len(timeline.items)
            timeline.reset()
        if count:
            self.dropped += count
            logger.warning("agentsight-otel: no API key was configured; %d unsent items are lost", count)

    def _submit(self, sink: Sink | None, taken: Taken, conversation_id: str) -> Batch:
        tracer = own(self._tracer())
        ambient = ambient_span()
        planner = plan.Planner(
            conversation_id,
            ({"environment": self._config.environment} if self._config.environment else {}) | taken.fields,
            ambient=plan.Ambient(f"{ambient.trace_id:032x}", f"{ambient.span_id:016x}") if ambient else None,
            resource=tracer.resource.attributes if tracer else None,
            max_messages=messages_per_turn(),
        )
        spans = list(in_steps(planner.spans(taken.items)))
        ticket = None
        if sink is not None:
            ticket = sink.submit(spans, planner.uploads(taken.items))
            if taken.refs:
                sink.release(taken.refs)
        if tracer is not None and self._heard():
            mirror(tracer, in_steps(spans))
        return Batch(entries(taken.items), ticket)

    def _hand_over(self, timelines: Sequence[Timeline]) -> None:
        for timeline in timelines:
            if timeline.sending.acquire(blocking=False):
                try:
                    self._hand_over_one(timeline)
                finally:
                    timeline.sending.release()
                timeline.settle()

    def _hand_over_one(self, timeline: Timeline) -> None:
        if not self._config.has_usable_key and self._config.deliver:
            self._drop(timeline)
            return
        if timeline.conversation_id is None:
            timeline.conversation_id = generate_conversation_id()
        batch = self.submit(timeline, timeline.conversation_id)
        if batch is not None:
            self._report_later(timeline, batch)

    def _report_later(self, timeline: Timeline, batch: Batch) -> None:
        timeline.outstanding.append(batch)
        with SETUP:
            self._early.append((timeline, batch))
            self._early_items += len(batch.entries)
            while self._early_items > MAX_UNREPORTED:
                other, oldest = self._early.popleft()
                self._early_items -= len(oldest.entries)
                other.forget(oldest)

    def _drop(self, timeline: Timeline) -> None:
        count = len(timeline.take().items)
        if not self.dropped:
            logger.warning(
                "agentsight-otel: no API key is configured and %d bytes of unsent items are waiting; "
                "the oldest are dropped from now on",
                self.timelines.budget,
            )
        self.dropped += count

    @staticmethod
    def _journals(config: Config) -> bool:
        return config.has_usable_key and config.deliver and config.durability is not Durability.MEMORY

    def _open(self) -> Sink:
        sink = self._connect(self._config)
        if self._journals(self._config):
            self.timelines.journal = sink
            for timeline in self.timelines.unsent():
                timeline.rekeep()
            self._recover(sink)
        return sink

    def _recover(self, sink: Sink) -> None:
        """Submit what dead processes tracked and never sent; the next send of each reports it."""
        records = [(decode_record(data), data) for data in sink.recover()]
        known = [(record, sink.keep(data)) for record, data in records if record is not None]
        for name, taken in revived(known):
            conversation_id = name or generate_conversation_id()
            timeline = self.timelines.get(conversation_id)
            timeline.outstanding.append(self._submit(sink, taken, conversation_id))
            self.timelines.hold(timeline)


def in_steps(spans: Iterable[SpanData]) -> Iterator[SpanData]:
    """Yield *spans*, letting other threads run in between: a long send must not stall a tracking call."""
    for index, span in enumerate(spans):
        if index % STEP == 0:
            time.sleep(0)
        yield span


def entries(items: Sequence[tuple[int, Item]]) -> list[tuple[str, int]]:
    """Return the type and time of each item as a report names them; all tokens together are one action."""
    listed = [(kind(item), stamp) for stamp, item in items if not isinstance(item, Tokens)]
    tokens = [stamp for stamp, item in items if isinstance(item, Tokens)]
    if tokens:
        listed.append(("action", tokens[-1]))
    return sorted(listed, key=lambda entry: entry[1])


def kind(item: Item) -> str:
    """Return the 0.0.44 name of an item's type."""
    if isinstance(item, Message):
        return "answer" if item.sender == "agent" else "question"
    return {"Action": "action", "Button": "button", "Files": "attachments", "Opened": "conversation"}[
        type(item).__name__
    ]

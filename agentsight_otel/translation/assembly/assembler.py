"""Assembler: the door of the room, pure and without a clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from agentsight_otel import semconv
from agentsight_otel.translation.assembly.assemble import assemble
from agentsight_otel.translation.assembly.blocks import NO_CONVERSATION, Assembled, BlockBuilder
from agentsight_otel.translation.assembly.gather import gather
from agentsight_otel.translation.assembly.memory import Memory
from agentsight_otel.translation.assembly.pending import Pending, PendingTrace
from agentsight_otel.translation.limits import clamp_id, normalize_environment
from agentsight_otel.translation.span_data import LogData, SpanData

DUPLICATE = "duplicate"

_AT_ONCE = 1_000
"""Spans after which no further conversation is begun. Assembling takes twice the memory of the spans."""
_ACTIONS = (semconv.KIND_TOOL, semconv.KIND_TASK)  # no set: what comes as a kind may have no hash


class Assembler:
    """Turns spans into blocks; not safe for several threads at once.

    Native spans (``agentsight.span.kind``) pass straight through, in order. Other people's spans wait until
    their conversation has been quiet for *idle_ns*, because children end before their parents and exporters
    mix the batches; and for a limited time longer while the model waits for the results of tools, or while
    the span of their run has not come.

    Args:
        environment: Of every conversation whose spans name none.
        export_all: Also make wire spans of spans that say nothing about a conversation.
        max_text_length: Characters after which a text is cut; None never cuts.
        idle_ns: Nanoseconds without news after which a conversation's spans are assembled.
        max_pending: Spans and log records that may wait; beyond it the longest quiet ones are assembled early
            and counted.
        max_pending_bytes: Bytes their texts may have.
    """

    def __init__(
        self,
        *,
        environment: str | None = None,
        export_all: bool = False,
        max_text_length: int | None = None,
        idle_ns: int = 5_000_000_000,
        max_pending: int = 10_000,
        max_pending_bytes: int = 64 * 1024 * 1024,
    ) -> None:
        self._environment = normalize_environment(environment)
        self._export_all = export_all
        self._max_text_length = max_text_length
        self._max_pending = max_pending
        self._max_pending_bytes = max_pending_bytes
        self._pending = Pending(idle_ns)
        self._memory = Memory()
        self._evicted = 0
        self.notices: Counter[str] = Counter()
        """What was cut, left out or not recorded, by kind; for the caller to say once."""

    def add(self, spans: Iterable[SpanData], now_ns: int) -> Assembled:
        """Take spans in any order; return what is ready: the native ones, and what had to make room.

        Args:
            spans: A span that is here already is filtered as a duplicate.
            now_ns: The time, nanoseconds since any fixed moment.
        """
        builder = self._builder()
        left_of = self._memory.delivered.get
        keep = self._pending.add
        for span in spans:
            if semconv.SPAN_KIND in span.attributes:
                self._add_native(span, builder)
                self._pending.go_without(span.trace_id, span.span_id)
                continue
            left = left_of(span.trace_id)
            if (left is not None and span.span_id in left) or not keep(span, now_ns):
                builder.filter(span.key, DUPLICATE)
        self._make_room(builder)
        return builder.build()

    def add_logs(self, logs: Iterable[LogData], now_ns: int) -> Assembled:
        """Take log records that carry GenAI events, before or after their spans; return as `add` does."""
        for log in logs:
            if log.event.name.startswith("gen_ai.") and log.trace_id and log.span_id:
                known = self._memory.traces.get(log.trace_id) is not None
                self._pending.add_log(log, now_ns, known=known)
        builder = self._builder()
        self._make_room(builder)
        return builder.build()

    def go_without(self, spans: Iterable[tuple[str, str]]) -> None:
        """Wait no longer for spans that have ended and are not added, given their trace and span ids."""
        for trace_id, span_id in spans:
            self._pending.go_without(trace_id, span_id)

    def expire(self, now_ns: int) -> Assembled:
        """Return what has been quiet long enough; of much, only the first part, for it all takes memory."""
        return self._assembled(self._pending.take_idle(now_ns, _AT_ONCE), now_ns)

    def drain(self) -> Assembled:
        """Return everything pending."""
        return self._assembled(self._pending.take_all(), None)

    @property
    def pending(self) -> int:
        """Spans and log records that wait for the rest of their turn."""
        return self._pending.count

    @property
    def evicted(self) -> int:
        """Spans and log records assembled before their conversation was quiet, for want of room."""
        return self._evicted

    def _make_room(self, builder: BlockBuilder) -> None:
        pending, most, most_bytes = self._pending, self._max_pending, self._max_pending_bytes
        if pending.count > most or pending.size > most_bytes:
            # A tenth more than must go: looking for what rested longest takes a look at all of it.
            traces = pending.take_oldest(most * 9 // 10, most_bytes * 9 // 10)
            self._evicted += sum(trace.count for trace in traces)
            self._assemble(traces, builder, None)

    def _assembled(self, traces: list[PendingTrace], now_ns: int | None) -> Assembled:
        builder = self._builder()
        self._assemble(traces, builder, now_ns)
        return builder.build()

    def _assemble(self, traces: list[PendingTrace], builder: BlockBuilder, now_ns: int | None) -> None:
        if traces:
            ready = gather(
                traces, self._pending, self._memory, self.notices, now_ns, export_all=self._export_all
            )
            assemble(ready, self._memory, builder, self.notices, export_all=self._export_all)

    def _builder(self) -> BlockBuilder:
        return BlockBuilder(self._environment, self._max_text_length, self.notices)

    def _add_native(self, span: SpanData, builder: BlockBuilder) -> None:
        attributes = span.attributes
        conversation_id = clamp_id(attributes.get(semconv.CONVERSATION_ID), self.notices) or clamp_id(
            attributes.get(semconv.GEN_AI_CONVERSATION_ID), self.notices
        )
        if not conversation_id:
            builder.filter(span.key, NO_CONVERSATION)
            return
        if attributes[semconv.SPAN_KIND] in _ACTIONS and (turn_id := attributes.get(semconv.TURN_ID)):
            self._memory.note_recorded(str(turn_id), str(attributes.get(semconv.TOOL_NAME) or span.name))
        builder.add_span(conversation_id, span, span.key)

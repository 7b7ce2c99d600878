"""Assembler: the door of the room, pure and without a clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from agentsight_otel import semconv
from agentsight_otel.translation.assembly.blocks import Assembled, BlockBuilder
from agentsight_otel.translation.limits import clamp_id, normalize_environment
from agentsight_otel.translation.span_data import LogData, SpanData

NO_CONVERSATION = "no_conversation"


class Assembler:
    """Turns spans into blocks; not safe for several threads at once.

    Native spans (``agentsight.span.kind``) pass straight through, in order.
    """

    def __init__(
        self,
        *,
        environment: str | None = None,
        export_all: bool = False,
        max_text_length: int | None = None,
        idle_ns: int = 5_000_000_000,
        max_pending: int = 10_000,
    ) -> None:
        self._environment = normalize_environment(environment)
        self._export_all = export_all
        self._max_text_length = max_text_length
        self._idle_ns = idle_ns
        self._max_pending = max_pending
        self.notices: Counter[str] = Counter()
        """What was cut, left out or missing, by kind; for the caller to say once."""

    def add(self, spans: Iterable[SpanData], now_ns: int) -> Assembled:  # noqa: ARG002 -- being built
        """Take spans; return what is ready."""
        builder = self._builder()
        for span in spans:
            if semconv.SPAN_KIND in span.attributes:
                self._add_native(span, builder)
            else:
                builder.filter(span.key, NO_CONVERSATION)
        return builder.build()

    def add_logs(self, logs: Iterable[LogData], now_ns: int) -> Assembled:  # noqa: ARG002 -- being built
        """Take log records; return what is ready."""
        return Assembled([], [])

    def expire(self, now_ns: int) -> Assembled:  # noqa: ARG002 -- being built
        """Return what has been idle long enough."""
        return Assembled([], [])

    def drain(self) -> Assembled:
        """Return everything pending."""
        return Assembled([], [])

    @property
    def pending(self) -> int:
        """Spans that wait for the rest of their turn."""
        return 0

    @property
    def evicted(self) -> int:
        """Spans that had to leave before their turn was complete, for want of room."""
        return 0

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
        builder.add_span(conversation_id, span)
        builder.add_source(conversation_id, span.key)

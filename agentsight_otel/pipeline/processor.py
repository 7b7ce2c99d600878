"""DeliveringSpanProcessor: from a provider's finished spans to delivery."""

from __future__ import annotations

from collections.abc import Callable

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from agentsight_otel.exporters.delivery import Delivery
from agentsight_otel.guard import guarded
from agentsight_otel.tracking.live import end_open_turns

MIRRORED = "agentsight.mirrored"
"""Scope attribute of a tracker's spans, which the tracker delivers itself; others see them."""


class DeliveringSpanProcessor(SpanProcessor):
    """Hands each finished span of an agent or a conversation to delivery before ``Span.end`` returns.

    Batching is delivery's own, so that a span is in the journal when its end returns.

    Args:
        delivery: Gives the delivery, or None while no key is configured.
        opened: Gives it if anything has made it: a process that recorded nothing ends at once.
        export_all: Whether spans that belong to no agent or conversation go too.
        timeout: Seconds a shutdown may take.
    """

    def __init__(
        self,
        delivery: Callable[[], Delivery | None],
        opened: Callable[[], Delivery | None],
        export_all: Callable[[], bool],
        timeout: Callable[[], float],
    ) -> None:
        self._delivery = delivery
        self._opened = opened
        self._export_all = export_all
        self._timeout = timeout
        self._usual: InstrumentationScope | None = None

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Do nothing; `ConversationSpanProcessor` stamps the span."""

    @guarded(None)
    def on_end(self, span: ReadableSpan) -> None:
        """Submit *span* if it is sampled and belongs to an agent or a conversation."""
        context = span.get_span_context()
        if context is None or not context.trace_flags.sampled:
            return
        scope = span.instrumentation_scope
        if scope is not self._usual:  # one after the other is mostly of the same
            if _is_mirrored(scope):
                return
            self._usual = scope
        delivery = self._delivery()
        if delivery is not None and not delivery.receive(span, False) and self._export_all():
            delivery.receive(span)

    @guarded(None)
    def shutdown(self) -> None:
        """End the turns that are open and deliver what waits, within the configured time."""
        end_open_turns()
        delivery = self._opened()
        if delivery is not None:
            delivery.shutdown(self._timeout())

    @guarded(default=False)
    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Deliver what waits; True when nothing is left waiting."""
        delivery = self._delivery()
        return delivery is None or bool(delivery.flush(timeout_millis / 1000))


def _is_mirrored(scope: InstrumentationScope | None) -> bool:
    # Delivering it here too could give it to an agent it was not sent to: trackers may have other keys.
    return scope is not None and MIRRORED in (scope.attributes or ())

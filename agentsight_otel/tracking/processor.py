"""ConversationSpanProcessor: every span started inside a conversation says so."""

from __future__ import annotations

from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span, SpanProcessor

from agentsight_otel import semconv
from agentsight_otel.guard import guarded
from agentsight_otel.tracking.context import current, from_context
from agentsight_otel.tracking.live import turn_id_in


class ConversationSpanProcessor(SpanProcessor):
    """Stamps conversation id, customer, metadata and turn on spans as they start.

    They come from `conversation()`, from the tracker's active conversation, or from the W3C Baggage of
    another service. What a span already says of itself stays.
    """

    @guarded(None)
    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Stamp *span*."""
        present = span.attributes or {}
        if semconv.SPAN_KIND in present:
            return
        # An explicit parent context says more about this span than the code that happens to start it.
        explicit = from_context(parent_context) if parent_context is not None else None
        conversation = explicit or current()
        if conversation is None or conversation.id is None or not conversation.enabled:
            return
        if present.get(semconv.CONVERSATION_ID, conversation.id) != conversation.id:
            return
        stamps = conversation.attributes()
        context = otel_context.get_current() if parent_context is None else parent_context
        turn_id = turn_id_in(context, conversation.id)
        if turn_id is not None:
            stamps[semconv.TURN_ID] = turn_id
        span.set_attributes({name: value for name, value in stamps.items() if name not in present})

"""The TracerProvider in use: the application's, or one of ours."""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

from agentsight_otel.pipeline.processor import DeliveringSpanProcessor
from agentsight_otel.tracking import ConversationSpanProcessor


class BuiltProvider(TracerProvider):
    """The provider of an application that has none.

    Attributes:
        heard: Somebody else has put a processor on it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.heard = False

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        """Add a processor, and note whether it is another one than ours."""
        if not isinstance(span_processor, ConversationSpanProcessor | DeliveringSpanProcessor):
            self.heard = True
        super().add_span_processor(span_processor)


def adopt_or_build(given: trace.TracerProvider) -> trace.TracerProvider:
    """Return *given* if processors can be added to it, else a new provider.

    The new one becomes global only where none is set.
    """
    # OpenTelemetry's placeholder stands for the global provider, before and after there is one.
    current = trace.get_tracer_provider() if isinstance(given, trace.ProxyTracerProvider) else given
    if hasattr(current, "add_span_processor"):
        return current
    built = BuiltProvider()
    if not isinstance(current, trace.ProxyTracerProvider):
        return built
    trace.set_tracer_provider(built)
    # Another thread may have set one in between; the one that won is the one to use.
    winner = trace.get_tracer_provider()
    return winner if hasattr(winner, "add_span_processor") else built

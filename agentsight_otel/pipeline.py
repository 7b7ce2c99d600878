"""The pipeline: which provider, which destination, and how the rooms are wired."""

from __future__ import annotations

import atexit
import threading
import weakref
from collections.abc import Callable
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.metrics import MeterProvider
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider

from agentsight_otel._version import __version__
from agentsight_otel.config import Config
from agentsight_otel.exporters.delivery import Delivery, FlushResult, Stats, delivery_for
from agentsight_otel.guard import guarded
from agentsight_otel.tracking import ConversationSpanProcessor, Tracker, scopes
from agentsight_otel.translation.readable import from_readable_span
from agentsight_otel.translation.relevance import is_relevant

TRACER_NAME = "agentsight_otel"

Mask = Callable[[str], str]


class DeliveringSpanProcessor(SpanProcessor):
    """Hands each finished conversation span to delivery before ``Span.end`` returns.

    Batching is delivery's own, so that a span is in the journal when its end returns.
    """

    def __init__(self, delivery: Callable[[], Delivery | None], *, export_all: Callable[[], bool]) -> None:
        self._delivery = delivery
        self._export_all = export_all

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Do nothing; `ConversationSpanProcessor` stamps the span."""

    @guarded(None)
    def on_end(self, span: ReadableSpan) -> None:
        """Submit *span* if it belongs to an agent or a conversation."""
        context = span.context
        if context is None or not context.trace_flags.sampled:
            return
        delivery = self._delivery()
        if delivery is None:
            return
        data = from_readable_span(span)
        if self._export_all() or is_relevant(data):
            delivery.submit([data])

    def shutdown(self) -> None:
        """Deliver what waits, within the configured time."""
        self.force_flush()

    @guarded(default=False)
    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Deliver what waits; True when nothing is left waiting."""
        delivery = self._delivery()
        return True if delivery is None else bool(delivery.flush(timeout_millis / 1000))


class Pipeline:
    """The process-wide wiring behind `configure` and the singletons."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._config: Config | None = None
        self._mask: Mask | None = None
        self._meter_provider: MeterProvider | None = None
        self._provider: trace.TracerProvider | None = None
        self._attached: weakref.WeakSet[Any] = weakref.WeakSet()
        self._deliveries: weakref.WeakSet[Delivery] = weakref.WeakSet()

    @property
    def config(self) -> Config:
        """The settings in force; read from the environment on first use."""
        if self._config is None:
            self._config = Config.resolve()
        return self._config

    def configure(
        self,
        *,
        tracer_provider: trace.TracerProvider | None = None,
        mask: Mask | None = None,
        meter_provider: MeterProvider | None = None,
        **settings: Any,
    ) -> None:
        """Set what is given, keep the rest, and attach to the provider."""
        config = self.config.replace(**settings)
        with self._lock:
            self._config = config
            self._mask = mask or self._mask
            self._meter_provider = meter_provider or self._meter_provider
            self._provider = tracer_provider or self._provider
        self.provider()

    def provider(self) -> trace.TracerProvider:
        """Return the provider in use, adopted or built, with our processors on it."""
        with self._lock:
            if self._provider is None:
                self._provider = adopt_or_build()
            self._attach(self._provider)
            return self._provider

    def tracer(self) -> trace.Tracer:
        """Return a tracer of the provider in use; the caller may set its id generator and sampler."""
        return self.provider().get_tracer(TRACER_NAME, __version__)

    def connect(self, config: Config) -> Delivery:
        """Return the delivery to *config*'s destination; raises NoApiKeyException without a key."""
        config.require_api_key()
        delivery = delivery_for(config, mask=self._mask, meter_provider=self._meter_provider)
        self._deliveries.add(delivery)
        return delivery

    def delivery(self) -> Delivery | None:
        """Return the delivery to the configured destination, or None without a key."""
        return self.connect(self.config) if self.config.api_key else None

    def flush(self, timeout: float) -> FlushResult:
        """Flush every destination used, sharing *timeout* seconds."""
        return FlushResult.total(delivery.flush(timeout) for delivery in list(self._deliveries))

    def shutdown(self, timeout: float | None) -> FlushResult:
        """Shut every destination down."""
        limit = self.config.shutdown_timeout if timeout is None else timeout
        return FlushResult.total(delivery.shutdown(limit) for delivery in list(self._deliveries))

    def stats(self) -> Stats:
        """Sum the counts of every destination used."""
        return Stats.total(delivery.stats() for delivery in list(self._deliveries))

    def _attach(self, provider: Any) -> None:
        if provider in self._attached or not hasattr(provider, "add_span_processor"):
            return
        self._attached.add(provider)
        provider.add_span_processor(ConversationSpanProcessor())
        provider.add_span_processor(
            DeliveringSpanProcessor(self.delivery, export_all=lambda: self.config.export_all)
        )


def adopt_or_build() -> trace.TracerProvider:
    """Return the global provider if processors can be added to it, else a new one.

    The new one becomes global only where none is set.
    """
    current = trace.get_tracer_provider()
    if hasattr(current, "add_span_processor"):
        return current
    built = TracerProvider()
    if isinstance(current, trace.ProxyTracerProvider):
        trace.set_tracer_provider(built)
        # Another thread may have set one in between; the one that won is the one to use.
        winner = trace.get_tracer_provider()
        return winner if hasattr(winner, "add_span_processor") else built
    return built

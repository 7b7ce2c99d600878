"""Pipeline: adopts or builds the TracerProvider and joins tracking to delivery."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from opentelemetry import trace
from opentelemetry.metrics import MeterProvider

from agentsight_otel._version import __version__
from agentsight_otel.config import Config
from agentsight_otel.exporters.delivery import Delivery, FlushResult, Stats
from agentsight_otel.exporters.registry import REGISTRY, delivery_for
from agentsight_otel.forking import SETUP
from agentsight_otel.pipeline.processor import MIRRORED, DeliveringSpanProcessor
from agentsight_otel.pipeline.provider import BuiltProvider, adopt_or_build
from agentsight_otel.tracking import ConversationSpanProcessor
from agentsight_otel.tracking.propagation import Policy

TRACER_NAME = "agentsight_otel"

Mask = Callable[[str], str]


class Pipeline:
    """The process-wide wiring behind `configure`, the singletons and the live API."""

    def __init__(self) -> None:
        self._config: Config | None = None
        self._mask: Mask | None = None
        self._meter_provider: MeterProvider | None = None
        self._current: tuple[Config, Delivery | None] | None = None
        self._provider: trace.TracerProvider | None = None
        self._tracer: tuple[trace.TracerProvider, trace.Tracer] | None = None
        self._attached: weakref.WeakSet[Any] = weakref.WeakSet()
        self._deliveries: set[Delivery] = set()

    @property
    def config(self) -> Config:
        """The settings in force; read from the environment on first use."""
        config = self._config
        if config is not None:
            return config
        with SETUP:
            if self._config is None:
                self._config = Config.resolve()
            return self._config

    def policy(self) -> Policy:
        """Return what of a conversation travels to other services."""
        return Policy(self.config.propagate, self._mask)

    def configure(
        self,
        tracer_provider: trace.TracerProvider | None,
        mask: Mask | None,
        meter_provider: MeterProvider | None,
        settings: dict[str, Any],
    ) -> None:
        """Set what is given, keep the rest, and attach to the provider."""
        with SETUP:
            config = self.config.replace(**settings)
            self._mask = mask or self._mask
            self._config = config  # after the mask: who sees this config connects with that
            self._meter_provider = meter_provider or self._meter_provider
            for delivery in tuple(self._deliveries):
                delivery.require_mask(mask)
            if tracer_provider is not None:
                self._use(adopt_or_build(tracer_provider))
        self.provider()

    def swap(self, config: Config | None) -> Config | None:
        """Take settings as a whole, None for those of the environment; return those that were in force."""
        with SETUP:
            self._config, before = config, self._config
        return before

    def provider(self) -> trace.TracerProvider:
        """Return the provider in use, adopted or built, with our processors on it."""
        provider = self._provider
        if provider is not None:
            return provider
        with SETUP:
            return self._provider or self._use(adopt_or_build(trace.get_tracer_provider()))

    def tracer(self) -> trace.Tracer:
        """Return our own tracer of the provider in use."""
        provider, known = self.provider(), self._tracer
        if known is None or known[0] is not provider:  # every live span asks; the SDK's answer takes 9 µs
            known = self._tracer = (provider, provider.get_tracer(TRACER_NAME, __version__))
        return known[1]

    def mirror_tracer(self) -> trace.Tracer:
        """Return the tracer for spans that their tracker delivers itself, to a destination of its own."""
        return self.provider().get_tracer(TRACER_NAME, __version__, attributes={MIRRORED: True})

    def heard(self) -> bool:
        """Return whether anybody but us sees the spans of the provider in use."""
        provider = self.provider()
        return not isinstance(provider, BuiltProvider) or provider.heard

    def connect(self, config: Config) -> Delivery:
        """Return the delivery to *config*'s destination.

        Raises:
            NoApiKeyException: *config* has no key.
            InvalidApiKeyException: Its key is malformed.
        """
        delivery = delivery_for(config, mask=self._mask, meter_provider=self._meter_provider)
        self._deliveries.add(delivery)
        return delivery

    def delivery(self) -> Delivery | None:
        """Return the delivery to the configured destination; None without a key, or if not to deliver."""
        current = self._current  # every span that ends asks
        if current is not None and current[0] is self._config:
            return current[1]
        config = self.config
        delivery = self.connect(config) if config.deliver and config.has_usable_key else None
        self._current = (config, delivery)
        return delivery

    def opened(self) -> Delivery | None:
        """Return the delivery to the configured destination if anything has made it, be it an exporter."""
        config = self.config
        if not (config.deliver and config.has_usable_key):
            return None
        return REGISTRY.opened().get((config.endpoint, config.require_api_key()))

    def flush(self, timeout: float) -> FlushResult:
        """Flush every destination used, *timeout* seconds each."""
        return FlushResult.total(delivery.flush(timeout) for delivery in self._used())

    def shutdown(self, timeout: float | None) -> FlushResult:
        """Shut every destination down that was used, *timeout* seconds each."""
        limit = self.config.shutdown_timeout if timeout is None else timeout
        used = {*self._deliveries, self.opened()}
        return FlushResult.total(delivery.shutdown(limit) for delivery in used if delivery is not None)

    def stats(self) -> Stats:
        """Add the counts of every destination used up."""
        return Stats.total(delivery.stats() for delivery in self._used())

    def _used(self) -> list[Delivery]:
        # The configured destination may be in use by an exporter that the environment switched on.
        self.delivery()
        return list(self._deliveries)

    def _use(self, provider: trace.TracerProvider) -> trace.TracerProvider:
        if provider not in self._attached:
            self._attach(provider)
        self._provider = provider
        return provider

    def _attach(self, provider: Any) -> None:
        self._attached.add(provider)
        provider.add_span_processor(ConversationSpanProcessor())
        provider.add_span_processor(
            DeliveringSpanProcessor(
                self.delivery,
                self.opened,
                lambda: self.config.export_all,
                lambda: self.config.shutdown_timeout,
            )
        )

"""AgentSightSpanExporter: the way in for any TracerProvider."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from opentelemetry.metrics import MeterProvider
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from agentsight_otel.config import Config
from agentsight_otel.exceptions import AgentSightException
from agentsight_otel.exporters.delivery import Delivery, FlushResult, Stats
from agentsight_otel.exporters.keys import KeyCallback
from agentsight_otel.exporters.registry import delivery_for
from agentsight_otel.guard import guarded

logger = logging.getLogger("agentsight_otel")

NOT_RELEVANT = "not_relevant"


class AgentSightSpanExporter(SpanExporter):
    """Exports the spans of agents and conversations to AgentSight.

    `export` returns when the spans are in the journal; a thread of their delivery sends them. Every argument
    falls back to its environment variable, so that ``OTEL_TRACES_EXPORTER=agentsight`` needs no code; from a
    configuration file the arguments come as a mapping. Without a key, or with a setting that cannot be,
    one warning is logged and the exporter does nothing.

    Args:
        api_key: The key, or a function that returns it and is asked again when the key is refused.
        api_key_file: File that holds the key where none is given.
        endpoint: Base URL.
        allow_plain_http: Allow an ``http:`` endpoint on another machine.
        environment: Environment slug for spans that name none.
        export_all: Also export spans that belong to no agent or conversation.
        max_text_length: Characters after which a text is cut; None never cuts.
        max_request_bytes: Bytes of one request before compression.
        timeout: Seconds one request may take.
        shutdown_timeout: Seconds `shutdown` may take.
        durability: ``process``, ``power`` or ``memory``.
        spool_dir: Folder of the journal.
        spool_max_bytes: Bytes the journal may hold.
        spool_max_age: Seconds a record may wait.
        memory_max_bytes: Bytes that may wait without a journal.
        mask: Applied to every text before anything is written.
        meter_provider: Gets the exporter's own metrics.
    """

    def __init__(
        self,
        *,
        api_key: str | KeyCallback | None = None,
        api_key_file: str | None = None,
        endpoint: str | None = None,
        allow_plain_http: bool | None = None,
        environment: str | None = None,
        export_all: bool | None = None,
        max_text_length: int | None = None,
        max_request_bytes: int | None = None,
        timeout: float | None = None,
        shutdown_timeout: float | None = None,
        durability: str | None = None,
        spool_dir: str | None = None,
        spool_max_bytes: int | None = None,
        spool_max_age: float | None = None,
        memory_max_bytes: int | None = None,
        mask: Callable[[str], str] | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        settings: dict[str, Any] = {
            "api_key_file": api_key_file,
            "endpoint": endpoint,
            "allow_plain_http": allow_plain_http,
            "environment": environment,
            "export_all": export_all,
            "max_text_length": max_text_length,
            "max_request_bytes": max_request_bytes,
            "timeout": timeout,
            "shutdown_timeout": shutdown_timeout,
            "durability": durability,
            "spool_dir": spool_dir,
            "spool_max_bytes": spool_max_bytes,
            "spool_max_age": spool_max_age,
            "memory_max_bytes": memory_max_bytes,
        }
        self._shut = False
        self._delivery: Delivery | None = None
        self._shutdown_timeout = 0.0
        self._export_all = False
        callback = api_key if callable(api_key) else None
        try:
            config = Config.resolve(api_key=callback() if callback else api_key, **settings)
            self._delivery = delivery_for(
                config, mask=mask, meter_provider=meter_provider, key_callback=callback
            )
        except AgentSightException as error:
            logger.warning("agentsight-otel: nothing is exported: %s", error.message)
            return
        self._shutdown_timeout = config.shutdown_timeout
        self._export_all = config.export_all

    @guarded(SpanExportResult.FAILURE)
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Put *spans* into the journal; FAILURE only after `shutdown` or for an error of our own."""
        if self._shut:
            return SpanExportResult.FAILURE
        delivery = self._delivery
        if delivery is None:
            return SpanExportResult.SUCCESS
        taken = delivery.receive_many(spans, self._export_all)
        if taken < len(spans):
            delivery.filtered(NOT_RELEVANT, len(spans) - taken)
        return SpanExportResult.SUCCESS

    @guarded(default=False)
    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Deliver what waits; True when nothing is left waiting."""
        return bool(self.flush(timeout_millis / 1000))

    def flush(self, timeout: float = 30.0) -> FlushResult:
        """Deliver what waits, at most *timeout* seconds, and say what was reached."""
        return FlushResult() if self._delivery is None else self._delivery.flush(timeout)

    def stats(self) -> Stats:
        """Return the counts of the destination."""
        return Stats() if self._delivery is None else self._delivery.stats()

    @guarded(None)
    def shutdown(self) -> None:
        """Deliver what can be delivered in ``shutdown_timeout``; what is on disk is safe."""
        if not self._shut:
            self._shut = True
            if self._delivery is not None:
                self._delivery.shutdown(self._shutdown_timeout)

"""What delivery says about itself through OpenTelemetry metrics."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import urlsplit

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation

from agentsight_otel._version import __version__
from agentsight_otel.exporters.stats import Stats
from agentsight_otel.guard import guarded
from agentsight_otel.transport import Outcome, Verdict

COMPONENT_TYPE = "agentsight_http_span_exporter"
SWITCH = "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED"

_numbers = itertools.count()


class Metrics:
    """The instruments of one destination; none of them without a provider or OpenTelemetry's own switch."""

    def __init__(
        self, endpoint: str, stats: Callable[[], Stats], meter_provider: MeterProvider | None
    ) -> None:
        self._enabled = meter_provider is not None or os.environ.get(SWITCH, "").lower() == "true"
        if not self._enabled:
            return
        parts = urlsplit(endpoint)
        self._attributes: dict[str, str | int] = {
            "otel.component.type": COMPONENT_TYPE,
            "otel.component.name": f"{COMPONENT_TYPE}/{next(_numbers)}",
            "server.address": parts.hostname or "",
            "server.port": parts.port or (443 if parts.scheme == "https" else 80),
        }
        provider = meter_provider or metrics.get_meter_provider()
        meter = provider.get_meter("agentsight_otel", __version__)
        self._exported = meter.create_counter(
            "otel.sdk.exporter.span.exported", "{span}", "Spans whose export has ended."
        )
        self._duration = meter.create_histogram(
            "otel.sdk.exporter.operation.duration", "s", "Time of one request."
        )
        meter.create_observable_up_down_counter(
            "otel.sdk.exporter.span.inflight",
            [self._observer(stats, lambda now: {"": now.waiting})],
            "{span}",
            "Records taken and not settled.",
        )
        for name, read in _COUNTERS.items():
            meter.create_observable_counter(
                f"agentsight_otel.records.{name}", [self._observer(stats, read)], "{record}"
            )
        for name, read in _GAUGES.items():
            meter.create_observable_gauge(f"agentsight_otel.{name}", [self._observer(stats, read)])

    @guarded(None)
    def request(self, path: str, records: int, outcome: Outcome) -> None:
        """Count one request."""
        if not self._enabled:
            return
        attributes = dict(self._attributes)
        if outcome.verdict is not Verdict.OK:
            attributes["error.type"] = str(outcome.status or outcome.cause or "error")
        if outcome.status is not None:
            attributes["http.response.status_code"] = outcome.status
        self._duration.record(outcome.seconds, attributes)
        ended = outcome.verdict in {Verdict.OK, Verdict.REFUSED}
        if ended and path.endswith("/ingest/"):
            self._exported.add(records, attributes)

    def _observer(
        self, stats: Callable[[], Stats], read: Callable[[Stats], Mapping[str, int]]
    ) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observe(_: CallbackOptions) -> Iterable[Observation]:
            for reason, value in read(stats()).items():
                yield Observation(value, {**self._attributes, **({"reason": reason} if reason else {})})

        return observe


_COUNTERS: dict[str, Callable[[Stats], Mapping[str, int]]] = {
    "emitted": lambda now: {"": now.emitted},
    "delivered": lambda now: {"": now.delivered},
    "dead": lambda now: {"": now.dead},
    "dropped": lambda now: now.dropped,
    "filtered": lambda now: now.filtered,
}
_GAUGES: dict[str, Callable[[Stats], Mapping[str, int]]] = {
    "records.waiting": lambda now: {"": now.waiting},
    "journal.size": lambda now: {"": now.journal_bytes},
    "parked": lambda now: {"": int(now.parked is not None)},
}

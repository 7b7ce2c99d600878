"""The counters in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Iterable

from agentsight_otel.exporters.delivery import Stats
from agentsight_otel.gateway.routes import Counts

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Sample = tuple[str, float]


def render(counts: Counts, stats: Stats) -> str:
    """Render what was received and what became of it; keys are not told apart."""
    families = [
        _family(
            "agentsight_gateway_requests_total",
            "counter",
            "OTLP requests answered.",
            ((_labels(path=p, status=str(s)), n) for (p, s), n in sorted(counts.requests.items())),
        ),
        _family(
            "agentsight_gateway_items_total",
            "counter",
            "Spans and log records in those requests.",
            ((_labels(signal=g, result=r), n) for (g, r), n in sorted(counts.items.items())),
        ),
        _family(
            "agentsight_delivery_records_total",
            "counter",
            "Records by what became of them.",
            (
                (_labels(state="delivered"), stats.delivered),
                (_labels(state="dead"), stats.dead),
                *((_labels(state="dropped", reason=r), n) for r, n in sorted(stats.dropped.items())),
                *((_labels(state="filtered", reason=r), n) for r, n in sorted(stats.filtered.items())),
            ),
        ),
        _single("agentsight_delivery_waiting_records", "Records in the journal.", stats.waiting),
        _single("agentsight_delivery_journal_bytes", "Size of the journal.", stats.journal_bytes),
        _single("agentsight_delivery_parked", "1 while AgentSight refuses a key.", int(bool(stats.parked))),
    ]
    return "\n".join(line for family in families for line in family) + "\n"


def _single(name: str, text: str, value: float) -> list[str]:
    return _family(name, "gauge", text, (("", value),))


def _family(name: str, kind: str, text: str, samples: Iterable[Sample]) -> list[str]:
    lines = [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
    return lines + [f"{name}{labels} {value}" for labels, value in samples]


def _labels(**labels: str) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}"

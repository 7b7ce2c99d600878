"""Translating and encoding other people's spans, against the stock OTLP exporter's encoding of them."""

import statistics
import time
from pathlib import Path
from typing import Any

import msgspec
import peers
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from agentsight_otel.translation.assembly import Assembler
from agentsight_otel.translation.readable import from_readable_span
from agentsight_otel.translation.span_data import SpanData

CORPUS = Path(__file__).parent.parent / "tests" / "corpus"
COMBINATIONS = (
    "openai_genai",
    "openai_openinference",
    "openai_traceloop",
    "langgraph_openinference",
    "pydantic_ai_native",
    "openai_agents_openinference",
    "vercel_ai_v7",
)
SCENARIOS = ("basic", "tools")
COPIES = 12
ROUNDS = 7
STATUS = {"unset": StatusCode.UNSET, "ok": StatusCode.OK, "error": StatusCode.ERROR}


def recorded(combination: str) -> list[SpanData]:
    """Load the recordings of a combination."""
    spans: list[SpanData] = []
    for scenario in SCENARIOS:
        path = CORPUS / combination / scenario / "spans.json"
        if path.exists():
            spans += msgspec.json.decode(path.read_bytes(), type=list[SpanData])
    return spans


def readable(
    span: SpanData, copy: int, resource: Resource, scopes: dict[Any, InstrumentationScope]
) -> ReadableSpan:
    """Make the SDK's span, in a trace and conversation of its own for each copy."""
    trace_id = int(span.trace_id, 16) ^ (copy << 64)
    flags = TraceFlags(TraceFlags.SAMPLED)
    parent = (
        SpanContext(trace_id, int(span.parent_span_id, 16), False, flags) if span.parent_span_id else None
    )
    named = {
        key: f"{value}-{copy}" if key in {"gen_ai.conversation.id", "session.id"} else value
        for key, value in span.attributes.items()
    }
    scope = scopes.setdefault(span.scope, InstrumentationScope(span.scope.name, span.scope.version or None))
    return ReadableSpan(
        name=span.name,
        context=SpanContext(trace_id, int(span.span_id, 16), False, flags),
        parent=parent,
        resource=resource,
        attributes=named,
        events=[Event(e.name, e.attributes, e.time_ns) for e in span.events],
        kind=SpanKind[span.kind.upper()],
        status=Status(STATUS[span.status], span.status_description or None)
        if span.status == "error"
        else Status(),
        start_time=span.start_ns,
        end_time=span.end_ns,
        instrumentation_scope=scope,
    )


def ours(spans: list[ReadableSpan]) -> None:
    """Convert, assemble and encode."""
    assembler = Assembler()
    assembler.add(map(from_readable_span, spans), 0)
    assembler.drain()


def otlp(spans: list[ReadableSpan]) -> None:
    """Encode as the stock exporter does."""
    encode_spans(spans).SerializeToString()


def timed(function: Any, spans: list[ReadableSpan]) -> float:
    """Return microseconds per span."""
    started = time.perf_counter()
    function(spans)
    return (time.perf_counter() - started) / len(spans) * 1e6


def main() -> None:
    """Measure each combination in turn and print the ratio."""
    rows = [("spans of", "spans", "ours us/span", "OTLP us/span", "spans/s against OTLP")]
    for combination in COMBINATIONS:
        resource, scopes = Resource.create({"service.name": "bench"}), {}
        spans = [readable(s, c, resource, scopes) for c in range(COPIES) for s in recorded(combination)]
        pairs = [(timed(ours, spans), timed(otlp, spans)) for _ in range(ROUNDS)]
        mine, theirs = (statistics.median(values) for values in zip(*pairs, strict=True))
        rows.append((combination, str(len(spans)), f"{mine:.0f}", f"{theirs:.0f}", f"{theirs / mine:.2f}"))
    peers.table(rows)


if __name__ == "__main__":
    main()

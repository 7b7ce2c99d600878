"""Spans for the tests of this room, made with the OTel SDK as an instrumentation would make them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from agentsight_otel.translation.assembly import Assembler
from agentsight_otel.translation.block import Block
from agentsight_otel.translation.readable import from_readable_span
from agentsight_otel.translation.span_data import SpanData

START = 1_790_000_000_000_000_000
SECOND = 1_000_000_000


class Collected(SpanExporter):
    """Keeps what the SDK exports."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Keep *spans*."""
        self.spans += spans
        return SpanExportResult.SUCCESS


@dataclass
class S:
    """One span to be made: name, attributes, children; times are seconds after START."""

    name: str
    attributes: dict[str, Any] = field(default_factory=dict)
    children: list[S] = field(default_factory=list)
    at: tuple[float, float] = (0.0, 1.0)
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    error: str | None = None
    scope: str = "test"


def record(*roots: S, limits: SpanLimits | None = None) -> list[SpanData]:
    """Run *roots*, each a trace, through the SDK and convert what it exports."""
    collected = Collected()
    provider = TracerProvider(
        resource=Resource({"service.name": "shop"}),
        span_limits=limits or SpanLimits(max_span_attributes=10_000),
    )
    provider.add_span_processor(SimpleSpanProcessor(collected))
    for root in roots:
        _make(provider, root, None)
    return [from_readable_span(span) for span in collected.spans]


def _make(provider: TracerProvider, what: S, parent: Span | None) -> None:
    tracer = provider.get_tracer(what.scope)
    context = set_span_in_context(parent or NonRecordingSpan(SpanContext(0, 0, False, TraceFlags(0))))
    begin, end = (START + int(at * SECOND) for at in what.at)
    span = tracer.start_span(what.name, context=context, start_time=begin, attributes=what.attributes)
    for name, attributes in what.events:
        span.add_event(name, attributes, timestamp=begin)
    for child in what.children:
        _make(provider, child, span)
    if what.error is not None:
        span.set_status(Status(StatusCode.ERROR, what.error))
    span.end(end_time=end)


def assembled(spans: Iterable[SpanData], **settings: Any) -> list[Block]:
    """Give all spans at once and take everything out."""
    assembler = Assembler(**settings)
    first = assembler.add(spans, START)
    return first.blocks + assembler.drain().blocks


def wire(blocks: Iterable[Block], kind: str | None = None) -> list[dict[str, Any]]:
    """The wire spans of *blocks*, of one kind or all."""
    spans = [json.loads(raw) for block in blocks for raw in block.spans]
    return [span for span in spans if kind is None or span["kind"] == kind]


def transcript(blocks: Iterable[Block]) -> list[tuple[str, str]]:
    """Sender and text of every message, in order of time."""
    said = [
        (
            event["timestamp"],
            event["attributes"]["agentsight.message.sender"],
            event["attributes"]["agentsight.message.content"],
        )
        for span in wire(blocks, "turn")
        for event in span["events"]
        if event["name"] == "agentsight.message"
    ]
    return [(sender, text) for _, sender, text in sorted(said, key=lambda one: one[0])]


def parts(role: str, *texts: str) -> dict[str, Any]:
    """A message in the parts schema."""
    return {"role": role, "parts": [{"type": "text", "content": text} for text in texts]}


def chat(*said: tuple[str, str], reply: str | None = None, **attributes: Any) -> dict[str, Any]:
    """The attributes of a model call in the parts schema, as JSON."""
    found = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.input.messages": json.dumps([parts(role, text) for role, text in said]),
        **attributes,
    }
    if reply is not None:
        found["gen_ai.output.messages"] = json.dumps([parts("assistant", reply)])
    return found

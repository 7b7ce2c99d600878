"""Planned spans as OpenTelemetry spans, so that every other exporter on the provider sees them."""

from __future__ import annotations

from collections.abc import Iterable

from opentelemetry.sdk.trace import Tracer as SdkTracer
from opentelemetry.trace import SpanKind, Status, StatusCode

from agentsight_otel.guard import guarded
from agentsight_otel.tracking.tracers import IDS, parent_context
from agentsight_otel.translation.span_data import SpanData

_KINDS = {"internal": SpanKind.INTERNAL, "client": SpanKind.CLIENT}


@guarded(None)
def mirror(tracer: SdkTracer, spans: Iterable[SpanData]) -> None:
    """Start and end each span on *tracer*, with the ids and times it was planned with."""
    for span in spans:
        _mirror_one(tracer, span)


def _mirror_one(tracer: SdkTracer, planned: SpanData) -> None:
    span = IDS.start(
        tracer,
        planned.name,
        parent_context(planned.trace_id, planned.parent_span_id),
        planned.attributes,
        trace_id=planned.trace_id,
        span_id=planned.span_id,
        kind=_KINDS[planned.kind],
        start_ns=planned.start_ns,
    )
    for event in planned.events:
        span.add_event(event.name, event.attributes, event.time_ns)
    if planned.status == "error":
        span.set_status(Status(StatusCode.ERROR, planned.status_description))
    elif planned.status == "ok":
        span.set_status(Status(StatusCode.OK))
    span.end(planned.end_ns)

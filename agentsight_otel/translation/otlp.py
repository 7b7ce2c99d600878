"""OTLP protobuf to SpanData and LogData, and the rules that OTLP JSON shares.

A request that cannot be read raises `MalformedOtlp`; a span that cannot be used is counted, and the others
go on. The Python walk over the attributes is nine tenths of the cost, hence its unusual shape.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from agentsight_otel.translation.otlp_bounds import MAX_SPANS, OversizedOtlp, check_protobuf
from agentsight_otel.translation.relevance import EVENT_PREFIX, concerns_agents
from agentsight_otel.translation.span_data import EventData, LinkData, LogData, ScopeData, SpanData

T = TypeVar("T")

KINDS = ("internal", "internal", "server", "client", "producer", "consumer")
STATUSES = ("unset", "ok", "error")
NO_TRACE = "0" * 32
NO_SPAN = "0" * 16
TRACE_FLAGS_MASK = 0xFF
IS_REMOTE = 0x200
NO_IDS = "a span has neither a trace id nor a span id"
EVENT_NAME = "event.name"
"""Where SDKs older than the field ``event_name`` put the name of a log event."""


class MalformedOtlp(ValueError):
    """The request cannot be read as what it says it is; the message holds nothing of its content."""


class Decoded(NamedTuple, Generic[T]):
    """What a request held.

    Attributes:
        items: Spans or log records, in order.
        rejected: How many could not be used.
        reason: Why the first of those could not.
        left_out: Trace and span ids of those that are about no agent or conversation.
    """

    items: list[T]
    rejected: int = 0
    reason: str = ""
    left_out: Sequence[tuple[str, str]] = ()


def decode_traces(body: bytes, every: bool = True) -> Decoded[SpanData]:
    """Decode an ExportTraceServiceRequest.

    Args:
        body: The message.
        every: Also return spans that are about no agent or conversation.

    Raises:
        MalformedOtlp: Not protobuf, or another signal's request.
        OversizedOtlp: More than a receiver takes at once.
    """
    request = _parse(ExportTraceServiceRequest(), body)
    check_spans(len(scoped.spans) for group in request.resource_spans for scoped in group.scope_spans)
    items: list[SpanData] = []
    faults: list[str] = []
    left_out: list[tuple[str, str]] = []
    for group in request.resource_spans:
        resource = _attributes(group.resource.attributes)
        for scoped in group.scope_spans:
            scope = ScopeData(scoped.scope.name, scoped.scope.version, scoped.schema_url)
            for span in scoped.spans:
                trace_id, span_id = span.trace_id.hex(), span.span_id.hex()
                if fault := span_fault(trace_id, span_id, span.start_time_unix_nano):
                    faults.append(fault)
                # Asked of the names alone: reading the values of what is left out would cost twice as much.
                elif every or concerns_agents([p.key for p in span.attributes], scope.name, span.events):
                    items.append(_span(span, resource, scope))
                else:
                    left_out.append((trace_id, span_id))
    return judged(items, faults, left_out)


def decode_logs(body: bytes) -> Decoded[LogData]:
    """Decode an ExportLogsServiceRequest; only GenAI events that name their span are returned.

    Raises:
        MalformedOtlp: Not protobuf, or another signal's request.
        OversizedOtlp: More than a receiver takes at once.
    """
    request = _parse(ExportLogsServiceRequest(), body)
    records = [
        (group.resource, scoped, record)
        for group in request.resource_logs
        for scoped in group.scope_logs
        for record in scoped.log_records
    ]
    if records and not any(r.time_unix_nano or r.observed_time_unix_nano for _, _, r in records):
        raise MalformedOtlp("no log record has a time: this is not a logs request")
    return Decoded([log for each in records if (log := _log(*each)) is not None])


def check_spans(counts: Iterable[int]) -> None:
    """Refuse a request with too many spans."""
    if sum(counts) > MAX_SPANS:
        raise OversizedOtlp


def judged(items: list[SpanData], faults: list[str], left_out: list[tuple[str, str]]) -> Decoded[SpanData]:
    """Build the result, or refuse a request whose spans all lack ids: its fields are another signal's."""
    if faults and not (items or left_out) and all(fault == NO_IDS for fault in faults):
        raise MalformedOtlp("no span has ids: this is not a traces request")
    return Decoded(items, len(faults), faults[0] if faults else "", tuple(left_out))


def span_fault(trace_id: str, span_id: str, start_ns: int) -> str:
    """Say why a span cannot be used; the empty text when it can."""
    if not trace_id and not span_id:
        return NO_IDS
    if len(trace_id) != 32 or trace_id == NO_TRACE:
        return "a span's trace id is not 16 bytes with one that is not zero"
    if len(span_id) != 16 or span_id == NO_SPAN:
        return "a span's span id is not 8 bytes with one that is not zero"
    return "" if start_ns else "a span has no start time"


def is_wanted_log(name: str, trace_id: str, span_id: str, time_ns: int) -> bool:
    """Say whether a log record is a GenAI event with a time that names its span."""
    return (
        name.startswith(EVENT_PREFIX)
        and time_ns > 0
        and len(trace_id) == 32
        and len(span_id) == 16
        and trace_id != NO_TRACE
        and span_id != NO_SPAN
    )


def _parse(request: Message, body: bytes) -> Any:
    check_protobuf(body, request.DESCRIPTOR)
    try:
        request.ParseFromString(body)
    except (DecodeError, RecursionError):
        raise MalformedOtlp("the body is not the protobuf message this path takes") from None
    return request


def _span(span: Any, resource: dict[str, Any], scope: ScopeData) -> SpanData:
    start = span.start_time_unix_nano
    parent = span.parent_span_id.hex()
    code = span.status.code
    return SpanData(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        name=span.name,
        start_ns=start,
        end_ns=max(start, span.end_time_unix_nano),
        parent_span_id=parent if parent and parent != NO_SPAN else None,
        kind=KINDS[span.kind] if 0 <= span.kind < len(KINDS) else "internal",
        status=STATUSES[code] if 0 <= code < len(STATUSES) else "unset",
        status_description=span.status.message,
        attributes=_attributes(span.attributes),
        events=tuple(map(_event, span.events)) if span.events else (),
        links=tuple(map(_link, span.links)) if span.links else (),
        resource=resource,
        scope=scope,
        trace_flags=span.flags & TRACE_FLAGS_MASK or 1,
        trace_state=span.trace_state,
        parent_is_remote=bool(span.flags & IS_REMOTE),
        dropped_attributes=span.dropped_attributes_count,
        dropped_events=span.dropped_events_count,
        dropped_links=span.dropped_links_count,
    )


def _event(event: Any) -> EventData:
    return EventData(event.name, event.time_unix_nano, _attributes(event.attributes))


def _link(link: Any) -> LinkData:
    return LinkData(link.trace_id.hex(), link.span_id.hex(), _attributes(link.attributes))


def _log(resource: Any, scoped: Any, record: Any) -> LogData | None:
    name = record.event_name or _event_name(record.attributes)
    time_ns = record.time_unix_nano or record.observed_time_unix_nano
    trace_id, span_id = record.trace_id.hex(), record.span_id.hex()
    if not is_wanted_log(name, trace_id, span_id, time_ns):
        return None
    return LogData(
        trace_id,
        span_id,
        EventData(name, time_ns, _attributes(record.attributes), _value(record.body)),
        _attributes(resource.attributes),
        ScopeData(scoped.scope.name, scoped.scope.version, scoped.schema_url),
    )


def _event_name(pairs: Iterable[Any]) -> str:
    return next((pair.value.string_value for pair in pairs if pair.key == EVENT_NAME), "")


def _attributes(pairs: Iterable[Any]) -> dict[str, Any]:
    # Most values are texts: asking for that first saves WhichOneof, the dearest call of the walk.
    return {pair.key: pair.value.string_value or _value(pair.value) for pair in pairs}


def _value(value: Any) -> Any:
    which = value.WhichOneof("value")
    if which == "array_value":
        return [item.string_value or _value(item) for item in value.array_value.values]
    if which == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    # An empty value is None; so is a profile's string-table index, which has no table here.
    return None if which is None or which == "string_value_strindex" else getattr(value, which)

"""OTLP JSON to SpanData and LogData, with the same result as the protobuf of the same request.

The JSON mapping of OTLP: ids in hexadecimal, integers as texts or numbers, enums as numbers, bytes in base64,
NaN and the infinities as texts, unknown fields ignored.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable
from typing import Any

import msgspec

from agentsight_otel.encoding import to_jsonable
from agentsight_otel.translation.otlp import (
    EVENT_NAME,
    IS_REMOTE,
    KINDS,
    NO_SPAN,
    STATUSES,
    TRACE_FLAGS_MASK,
    Decoded,
    MalformedOtlp,
    check_spans,
    is_wanted_log,
    judged,
    span_fault,
)
from agentsight_otel.translation.otlp_bounds import check_json
from agentsight_otel.translation.relevance import is_relevant
from agentsight_otel.translation.span_data import EventData, LinkData, LogData, ScopeData, SpanData

MAX_DEPTH = 32
"""Levels of lists and maps in one attribute value; protobuf's own limit is near."""

_HEX_DIGITS = frozenset("0123456789abcdef")
_UINT32_MAX = 2**32 - 1
_UINT64_MAX = 2**64 - 1
_INT64_MAX = 2**63 - 1

_Integer = int | float | str | None
"""Protobuf's mapping takes integers of every size as texts too, and numbers with a fraction of zero."""


class _Camel(msgspec.Struct, rename="camel", gc=False):
    """Base: field names as JSON has them."""


class _AnyValue(_Camel):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: _Integer = None
    double_value: float | str | None = None
    array_value: _ArrayValue | None = None
    kvlist_value: _KeyValueList | None = None
    bytes_value: str | None = None


class _KeyValue(_Camel):
    key: str = ""
    value: _AnyValue | None = None


class _ArrayValue(_Camel):
    values: list[_AnyValue] | None = None


class _KeyValueList(_Camel):
    values: list[_KeyValue] | None = None


class _Resource(_Camel):
    attributes: list[_KeyValue] | None = None


class _Scope(_Camel):
    name: str | None = None
    version: str | None = None


class _Event(_Camel):
    time_unix_nano: _Integer = None
    name: str | None = None
    attributes: list[_KeyValue] | None = None


class _Link(_Camel):
    trace_id: str | None = None
    span_id: str | None = None
    attributes: list[_KeyValue] | None = None


class _Status(_Camel):
    message: str | None = None
    code: int | None = None


class _Span(_Camel):
    trace_id: str | None = None
    span_id: str | None = None
    trace_state: str | None = None
    parent_span_id: str | None = None
    flags: _Integer = None
    name: str | None = None
    kind: int | None = None
    start_time_unix_nano: _Integer = None
    end_time_unix_nano: _Integer = None
    attributes: list[_KeyValue] | None = None
    dropped_attributes_count: _Integer = None
    events: list[_Event] | None = None
    dropped_events_count: _Integer = None
    links: list[_Link] | None = None
    dropped_links_count: _Integer = None
    status: _Status | None = None


class _ScopeSpans(_Camel):
    scope: _Scope | None = None
    spans: list[_Span] | None = None
    schema_url: str | None = None


class _ResourceSpans(_Camel):
    resource: _Resource | None = None
    scope_spans: list[_ScopeSpans] | None = None


class _LogRecord(_Camel):
    time_unix_nano: _Integer = None
    observed_time_unix_nano: _Integer = None
    body: _AnyValue | None = None
    attributes: list[_KeyValue] | None = None
    trace_id: str | None = None
    span_id: str | None = None
    event_name: str | None = None


class _ScopeLogs(_Camel):
    scope: _Scope | None = None
    log_records: list[_LogRecord] | None = None
    schema_url: str | None = None


class _ResourceLogs(_Camel):
    resource: _Resource | None = None
    scope_logs: list[_ScopeLogs] | None = None


class _Request(_Camel):
    """Any signal's request, so that one sent to another's path is seen, and protobuf's own names are too."""

    resource_spans: list[_ResourceSpans] | None = None
    resource_logs: list[_ResourceLogs] | None = None
    resource_metrics: Any = None
    snake_spans: Any = msgspec.field(default=None, name="resource_spans")
    snake_logs: Any = msgspec.field(default=None, name="resource_logs")


_decoder = msgspec.json.Decoder(_Request)


def decode_traces_json(body: bytes, every: bool = True) -> Decoded[SpanData]:
    """Decode the JSON form of an ExportTraceServiceRequest; see `otlp.decode_traces`.

    Raises:
        MalformedOtlp: Not JSON, a field of the wrong type, or another signal's request.
        OversizedOtlp: More than a receiver takes at once.
    """
    request = _parse(body)
    _refuse_other_signal(request.resource_spans, request.resource_logs, request.resource_metrics)
    check_spans(len(s.spans or ()) for g in request.resource_spans or () for s in g.scope_spans or ())
    items: list[SpanData] = []
    faults: list[str] = []
    left_out: list[tuple[str, str]] = []
    for group in request.resource_spans or ():
        resource = _resource(group.resource)
        for scoped in group.scope_spans or ():
            scope = _scope(scoped)
            for span in scoped.spans or ():
                read = _span(span, resource, scope)
                if fault := span_fault(read.trace_id, read.span_id, read.start_ns):
                    faults.append(fault)
                elif every or is_relevant(read):
                    items.append(read)
                else:
                    left_out.append((read.trace_id, read.span_id))
    return judged(items, faults, left_out)


def decode_logs_json(body: bytes) -> Decoded[LogData]:
    """Decode the JSON form of an ExportLogsServiceRequest; see `otlp.decode_logs`.

    Raises:
        MalformedOtlp: Not JSON, a field of the wrong type, or another signal's request.
        OversizedOtlp: More than a receiver takes at once.
    """
    request = _parse(body)
    _refuse_other_signal(request.resource_logs, request.resource_spans, request.resource_metrics)
    logs = [
        _log(group.resource, scoped, record)
        for group in request.resource_logs or ()
        for scoped in group.scope_logs or ()
        for record in scoped.log_records or ()
    ]
    return Decoded([log for log in logs if log is not None])


def _refuse_other_signal(own: object, *others: object) -> None:
    if not own and any(others):
        raise MalformedOtlp("the body is another signal's request")


def _parse(body: bytes) -> _Request:
    check_json(body)
    try:
        try:
            request = _decoder.decode(body)
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            # What Python and JavaScript write and strict JSON forbids: NaN and lone surrogates.
            request = msgspec.convert(to_jsonable(json.loads(body)), _Request)
    except msgspec.ValidationError as error:
        # Says which field and type, never a value.
        raise MalformedOtlp(f"the body is not this path's JSON: {error}") from None
    except (ValueError, RecursionError):
        raise MalformedOtlp("the body is not JSON") from None
    if request.snake_spans is not None or request.snake_logs is not None:
        # As an unknown field it would be ignored, and the sender told that all is well.
        raise MalformedOtlp("the keys of OTLP JSON are in lowerCamelCase")
    return request


def _span(span: _Span, resource: dict[str, Any], scope: ScopeData) -> SpanData:
    start = _uint64(span.start_time_unix_nano)
    parent = _hex(span.parent_span_id)
    status = span.status or _Status()
    kind, code, flags = span.kind or 0, status.code or 0, _integer(span.flags, 0, _UINT32_MAX)
    return SpanData(
        trace_id=_hex(span.trace_id),
        span_id=_hex(span.span_id),
        name=span.name or "",
        start_ns=start,
        end_ns=max(start, _uint64(span.end_time_unix_nano)),
        parent_span_id=parent if parent and parent != NO_SPAN else None,
        kind=KINDS[kind] if 0 <= kind < len(KINDS) else "internal",
        status=STATUSES[code] if 0 <= code < len(STATUSES) else "unset",
        status_description=status.message or "",
        attributes=_attributes(span.attributes),
        events=tuple(map(_event, span.events)) if span.events else (),
        links=tuple(map(_link, span.links)) if span.links else (),
        resource=resource,
        scope=scope,
        trace_flags=flags & TRACE_FLAGS_MASK or 1,
        trace_state=span.trace_state or "",
        parent_is_remote=bool(flags & IS_REMOTE),
        dropped_attributes=_integer(span.dropped_attributes_count, 0, _UINT32_MAX),
        dropped_events=_integer(span.dropped_events_count, 0, _UINT32_MAX),
        dropped_links=_integer(span.dropped_links_count, 0, _UINT32_MAX),
    )


def _event(event: _Event) -> EventData:
    return EventData(event.name or "", _uint64(event.time_unix_nano), _attributes(event.attributes))


def _link(link: _Link) -> LinkData:
    return LinkData(_hex(link.trace_id), _hex(link.span_id), _attributes(link.attributes))


def _log(resource: _Resource | None, scoped: _ScopeLogs, record: _LogRecord) -> LogData | None:
    name = record.event_name or _event_name(record.attributes or ())
    time_ns = _uint64(record.time_unix_nano) or _uint64(record.observed_time_unix_nano)
    trace_id, span_id = _hex(record.trace_id), _hex(record.span_id)
    if not is_wanted_log(name, trace_id, span_id, time_ns):
        return None
    return LogData(
        trace_id,
        span_id,
        EventData(name, time_ns, _attributes(record.attributes), _value(record.body, 0)),
        _resource(resource),
        _scope(scoped),
    )


def _event_name(pairs: Iterable[_KeyValue]) -> str:
    return next(
        (pair.value.string_value or "" for pair in pairs if pair.key == EVENT_NAME and pair.value), ""
    )


def _resource(resource: _Resource | None) -> dict[str, Any]:
    return _attributes(resource.attributes) if resource else {}


def _scope(scoped: _ScopeSpans | _ScopeLogs) -> ScopeData:
    scope = scoped.scope or _Scope()
    return ScopeData(scope.name or "", scope.version or "", scoped.schema_url or "")


def _attributes(pairs: list[_KeyValue] | None, depth: int = 0) -> dict[str, Any]:
    return {
        pair.key: pair.value.string_value
        if pair.value and pair.value.string_value
        else _value(pair.value, depth)
        for pair in pairs or ()
    }


def _value(value: _AnyValue | None, depth: int) -> Any:
    if value is None:
        return None
    if value.int_value is not None:
        return _integer(value.int_value, -_INT64_MAX - 1, _INT64_MAX)
    if value.bool_value is not None:
        return value.bool_value
    if value.double_value is not None:
        return _double(value.double_value)
    if value.bytes_value is not None:
        return _bytes(value.bytes_value)
    if depth >= MAX_DEPTH:
        raise MalformedOtlp("an attribute value is nested too deep")
    if value.array_value is not None:
        return [_value(item, depth + 1) for item in value.array_value.values or ()]
    if value.kvlist_value is not None:
        return _attributes(value.kvlist_value.values, depth + 1)
    return value.string_value


def _hex(text: str | None) -> str:
    """Return an id in lowercase; what is not hexadecimal becomes a text that no rule for ids accepts."""
    if not text:
        return ""
    lowered = text.lower()
    return lowered if _HEX_DIGITS.issuperset(lowered) else "?"


def _uint64(value: _Integer) -> int:
    return _integer(value, 0, _UINT64_MAX)


def _integer(value: _Integer, least: int, most: int) -> int:
    if value is None or value == "":
        return 0
    try:
        number = int(value)
    except (ValueError, OverflowError):
        raise MalformedOtlp("an integer field is not an integer") from None
    if isinstance(value, float) and number != value:
        raise MalformedOtlp("an integer field is not an integer")
    if not least <= number <= most:
        raise MalformedOtlp("an integer field is out of range")
    return number


def _double(value: float | str) -> float:
    try:
        return float(value)
    except ValueError:
        raise MalformedOtlp("a double field is not a number") from None


def _bytes(text: str) -> bytes:
    padded = text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4)
    try:
        return base64.b64decode(padded, validate=True)
    except (binascii.Error, ValueError):
        raise MalformedOtlp("a bytes field is not base64") from None

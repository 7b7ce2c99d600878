"""One span as the ingest contract's JSON (section 5.3 of the contract)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import compress
from math import isfinite
from operator import not_
from typing import Any

import msgspec

from agentsight_otel import semconv
from agentsight_otel.encoding import encode_json, encode_json_str, to_jsonable
from agentsight_otel.translation.shorten import shorten
from agentsight_otel.translation.span_data import LinkData, ScopeData, SpanData

_PLAIN = frozenset({str, int, bool})
_is_plain = _PLAIN.__contains__
_INPUT, _OUTPUT = semconv.GEN_AI_INPUT_MESSAGES, semconv.GEN_AI_OUTPUT_MESSAGES
_MAX_SECOND = 253_402_300_799
_CACHE_SIZE = 256


class _Event(msgspec.Struct, gc=False):
    name: str
    timestamp: str
    attributes: dict[str, Any]


class _Span(msgspec.Struct, gc=False):
    span_id: str
    trace_id: str
    parent_span_id: str | None
    kind: str
    name: str
    started_at: str
    ended_at: str
    duration_ms: float | None
    status: str
    attributes: dict[str, Any]
    events: list[_Event]
    otel: msgspec.Raw | None


_OtelKey = tuple[int, int, str, int, bool]

_encode = msgspec.json.Encoder().encode
_seconds: dict[str, str] = {}
# Nearly every span of a process has the same otel part. The entry holds what its key has only the id() of.
_otel_parts: dict[_OtelKey, tuple[dict[str, Any], ScopeData, msgspec.Raw]] = {}


def encode_span(span: SpanData, *, max_text_length: int | None = None) -> bytes:
    """Encode a span as strict JSON of the ingest contract.

    Args:
        span: Its kind is its ``agentsight.span.kind``, ``unknown`` when missing. The GenAI message
            attributes are left out where ``agentsight.message`` events carry the same texts.
        max_text_length: Characters after which a text is cut to end in ``...[truncated]``; JSON texts
            stay valid JSON. None never cuts.

    Returns:
        UTF-8 JSON. NaN and the infinities become text, bytes base64, nested values JSON text.
    """
    attributes = span.attributes
    if _INPUT in attributes or _OUTPUT in attributes:
        attributes = _without_repeats(span)
    attributes = _attributes(attributes, max_text_length)
    kind = attributes.get(semconv.SPAN_KIND)
    start, end = span.start_ns, span.end_ns
    events = span.events
    wire = _Span(
        span.span_id,
        span.trace_id,
        span.parent_span_id,
        kind if kind and type(kind) is str else "unknown",
        span.name,
        iso(start),
        iso(end),
        round((end - start) / 1e6, 3) if end >= start else None,
        span.status,
        attributes,
        [_Event(one.name, iso(one.time_ns), _attributes(one.attributes, max_text_length)) for one in events]
        if events
        else [],
        _otel(span),
    )
    try:
        return _encode(wire)
    except UnicodeEncodeError:
        otel, wire.otel = wire.otel, None
        return _encode({**to_jsonable(wire), "otel": otel})


def iso(time_ns: int) -> str:
    """Return nanoseconds since the Unix epoch as ISO 8601 in UTC with microseconds."""
    digits = str(time_ns)
    prefix = _seconds.get(digits[:-9])
    # Slicing digits is faster than dividing integers of this size.
    if prefix is not None:
        return f"{prefix}{digits[-9:-3]}+00:00"
    second = time_ns // 1_000_000_000
    prefix = datetime.fromtimestamp(min(max(second, 0), _MAX_SECOND), UTC).isoformat()[:19] + "."
    if second > 0:
        if len(_seconds) >= _CACHE_SIZE:
            _seconds.clear()
        _seconds[digits[:-9]] = prefix
    return f"{prefix}{time_ns // 1000 % 1_000_000:06d}+00:00"


def _attributes(attributes: dict[str, Any], limit: int | None) -> dict[str, Any]:
    if limit is not None:
        return {key: _flat(value, limit) for key, value in attributes.items() if value is not None}
    if _PLAIN.issuperset(map(type, attributes.values())):
        return attributes
    flat = attributes
    # Most of what is not plain is a list of texts or a finite number, which stay as they are.
    for key in [*compress(attributes, map(not_, map(_is_plain, map(type, attributes.values()))))]:
        value = attributes[key]
        written = _flat(value, None) if value is not None else None
        if written is not value or value is None:
            flat = attributes.copy() if flat is attributes else flat
            if value is None:
                del flat[key]
            else:
                flat[key] = written
    return flat


def _flat(value: Any, limit: int | None) -> Any:
    kind = type(value)
    if limit is None and kind is list and _PLAIN.issuperset(map(type, value)):
        return value
    if kind is str:
        return value if limit is None or len(value) <= limit else shorten(value, limit)
    if kind in _PLAIN:
        return value
    if kind is float:
        return value if isfinite(value) else to_jsonable(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, list | tuple) and not any(map(_is_nested, value)):
        return [_flat(item, limit) for item in value]
    return _flat(encode_json_str(value), limit)


def _is_nested(item: Any) -> bool:
    return item is None or isinstance(item, Mapping | list | tuple)


def _without_repeats(span: SpanData) -> dict[str, Any]:
    if semconv.MESSAGE_EVENT not in [event.name for event in span.events]:
        return span.attributes
    attributes = span.attributes.copy()
    attributes.pop(_INPUT, None)
    attributes.pop(_OUTPUT, None)
    return attributes


def _otel(span: SpanData) -> msgspec.Raw:
    if span.links or span.trace_state or span.status_description or span.dropped_attributes:
        return _otel_json(span)
    if span.dropped_events or span.dropped_links:
        return _otel_json(span)
    resource, scope = span.resource, span.scope
    key = (id(resource), id(scope), span.kind, span.trace_flags, span.parent_is_remote)
    known = _otel_parts.get(key)
    if known is not None:
        return known[2]
    part = _otel_json(span)
    if len(_otel_parts) >= _CACHE_SIZE:
        _otel_parts.clear()
    _otel_parts[key] = (resource, scope, part)
    return part


def _otel_json(span: SpanData) -> msgspec.Raw:
    document = {
        "span_kind": span.kind,
        "trace_flags": span.trace_flags,
        "trace_state": span.trace_state,
        "is_remote": span.parent_is_remote,
        "status_description": span.status_description,
        "links": list(map(_link, span.links)),
        "resource": _attributes(span.resource, None),
        "dropped": {
            "attributes": span.dropped_attributes,
            "events": span.dropped_events,
            "links": span.dropped_links,
        },
        "scope": {
            "name": span.scope.name,
            "version": span.scope.version,
            "schema_url": span.scope.schema_url,
        },
    }
    try:
        return msgspec.Raw(_encode(document))
    except UnicodeEncodeError:
        return msgspec.Raw(encode_json(document))


def _link(link: LinkData) -> dict[str, Any]:
    return {
        "trace_id": link.trace_id,
        "span_id": link.span_id,
        "attributes": _attributes(link.attributes, None),
    }

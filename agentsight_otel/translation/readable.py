"""From the OTel SDK's ReadableSpan to SpanData."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from operator import attrgetter
from types import MappingProxyType
from typing import Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    INVALID_SPAN_CONTEXT,
    Link,
    SpanContext,
    SpanKind,
    StatusCode,
    format_span_id,
    format_trace_id,
)

from agentsight_otel.encoding import DEPTH_MARKER, MAX_DEPTH, clean_text
from agentsight_otel.translation.span_data import EventData, LinkData, ScopeData, SpanData

_KINDS = {kind: kind.name.lower() for kind in SpanKind}
_STATUSES = {code: code.name.lower() for code in StatusCode}
_LAST = 2**63 - 1
_INTERNAL, _CLIENT, _UNSET, _OK = SpanKind.INTERNAL, SpanKind.CLIENT, StatusCode.UNSET, StatusCode.OK
_PLAIN_TYPES = frozenset({int, bool, float, bytes})
_SAFE_TYPES = frozenset({bool, float, bytes})
_COPIES = (MappingProxyType, BoundedAttributes, dict)
_NO_SCOPE = ScopeData()
_INT64 = 2**63
_NO_STATE = INVALID_SPAN_CONTEXT.trace_state
_CACHE_SIZE = 64

# All in one call: each public property is a call of its own, and some make a proxy or a copy.
# Only the SDK's own class is read so; another one may show less than it holds.
_fields = attrgetter(
    "_context",
    "_parent",
    "_name",
    "_start_time",
    "_end_time",
    "_kind",
    "_status._status_code",
    "_status._description",
    "_attributes._dict",
    "_events._dq",
    "_links._dq",
    "_resource",
    "_instrumentation_scope",
    "_attributes.dropped",
    "_events.dropped",
    "_links.dropped",
)

# A process has one resource and a few scopes. The entry holds the original, so that its id() stays its own.
_resources: dict[int, tuple[Resource, dict[str, Any]]] = {}
_scopes: dict[int, tuple[InstrumentationScope, ScopeData]] = {}


def from_readable_span(span: ReadableSpan) -> SpanData:
    """Convert a finished span; the result shares nothing mutable with it but the resource's dict.

    A span without a valid context gets ids of zeros. Text that UTF-8 cannot carry and integers beyond
    64 bits are made safe for any encoder.
    """
    if type(span) is ReadableSpan:
        try:
            return _converted(*_fields(span))
        except AttributeError:
            pass
    return _converted(*_public_fields(span))


def _public_fields(span: ReadableSpan) -> tuple[Any, ...]:
    status = span.status
    return (
        span.get_span_context(),
        span.parent,
        span.name,
        span.start_time,
        span.end_time,
        span.kind,
        status.status_code,
        status.description,
        span.attributes,
        span.events,
        span.links,
        span.resource,
        span.instrumentation_scope,
        span.dropped_attributes,
        span.dropped_events,
        span.dropped_links,
    )


def _converted(
    context: SpanContext | None,
    parent: SpanContext | None,
    name: str,
    start: int | None,
    end: int | None,
    kind: SpanKind,
    code: StatusCode,
    description: str | None,
    attributes: Mapping[str, Any] | None,
    events: Collection[Event],
    links: Collection[Link],
    resource: Resource,
    scope: InstrumentationScope | None,
    dropped_attributes: int,
    dropped_events: int,
    dropped_links: int,
) -> SpanData:
    trace_id, span_id, _, flags, state, _ = context or INVALID_SPAN_CONTEXT
    start = nanoseconds(start or 0)
    # Without names: msgspec takes four times as long for arguments that have them.
    return SpanData(
        trace_id.to_bytes(16, "big").hex(),
        span_id.to_bytes(8, "big").hex(),
        name if name.isascii() else clean_text(name),
        start,
        nanoseconds(end or start),
        parent[1].to_bytes(8, "big").hex() if parent is not None and parent[1] else None,
        # An enum's hash runs in Python, so the usual members are told by identity.
        "internal" if kind is _INTERNAL else "client" if kind is _CLIENT else _KINDS[kind],
        "unset" if code is _UNSET else "ok" if code is _OK else _STATUSES[code],
        clean_text(description) if description else "",
        plain_attributes(attributes),
        tuple([_event(event) for event in events]) if events else (),
        tuple([_link(link) for link in links]) if links else (),
        _resource(resource),
        _scope(scope),
        int(flags),
        "" if state is _NO_STATE else state.to_header(),
        parent is not None and parent[2],
        dropped_attributes,
        dropped_events,
        dropped_links,
    )


def plain_attributes(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a copy made of dict, list, str, int, float, bool, bytes and None only."""
    if not attributes:
        return {}
    plain: dict[str, Any]
    if type(attributes) is dict:
        plain = attributes.copy()
    else:
        # The SDK's own mapping copies itself many times faster than dict() would through its item access.
        copied = attributes.copy() if isinstance(attributes, _COPIES) else attributes
        plain = copied if type(copied) is dict else dict(copied)
    for key, value in plain.items():
        kind = type(value)
        if kind is str:
            if not value.isascii():
                plain[key] = clean_text(value)
        elif kind is int:
            if not -_INT64 <= value < _INT64:
                plain[key] = str(value)
        elif kind not in _SAFE_TYPES:
            plain[key] = _plain(value, 0)
    return plain


def _plain(value: Any, depth: int) -> Any:
    kind = type(value)
    if kind is str:
        return value if value.isascii() else clean_text(value)
    if value is None or kind in _PLAIN_TYPES:
        return value if kind is not int or -_INT64 <= value < _INT64 else str(value)
    if depth >= MAX_DEPTH:
        return DEPTH_MARKER
    if kind is tuple or kind is list:
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, str):
        return clean_text(str(value))
    if isinstance(value, Mapping):
        return {clean_text(str(k)): _plain(v, depth + 1) for k, v in value.items()}
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    if isinstance(value, Sequence):
        return [_plain(item, depth + 1) for item in value]
    return _plain_number(value, depth)


def _plain_number(value: Any, depth: int) -> Any:
    if isinstance(value, int):
        return _plain(int(value), depth)
    return float(value) if isinstance(value, float) else f"<{type(value).__qualname__}>"


def nanoseconds(time: float) -> int:
    """Return a time as the whole number it should be; OpenTelemetry takes any from its callers."""
    if type(time) is int and abs(time) < _LAST:
        return time
    return 0 if math.isnan(time) else int(max(-_LAST, min(_LAST, time)))


def _event(event: Event) -> EventData:
    name = event.name
    attributes = plain_attributes(event.attributes)
    return EventData(name if name.isascii() else clean_text(name), nanoseconds(event.timestamp), attributes)


def _link(link: Link) -> LinkData:
    context = link.context
    return LinkData(
        format_trace_id(context.trace_id), format_span_id(context.span_id), plain_attributes(link.attributes)
    )


def _resource(resource: Resource) -> dict[str, Any]:
    known = _resources.get(id(resource))
    if known is not None and known[0] is resource:
        return known[1]
    converted = plain_attributes(resource.attributes)
    if len(_resources) >= _CACHE_SIZE:
        _resources.clear()
    _resources[id(resource)] = (resource, converted)
    return converted


def _scope(scope: InstrumentationScope | None) -> ScopeData:
    if scope is None:
        return _NO_SCOPE
    known = _scopes.get(id(scope))
    if known is not None and known[0] is scope:
        return known[1]
    converted = ScopeData(scope.name or "", scope.version or "", scope.schema_url or "")
    if len(_scopes) >= _CACHE_SIZE:
        _scopes.clear()
    _scopes[id(scope)] = (scope, converted)
    return converted

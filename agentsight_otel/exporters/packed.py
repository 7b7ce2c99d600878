"""A finished span as bytes, read straight off the SDK's object, and back.

``Span.end`` returns to the application when these bytes are on disk, so making them copies nothing and
checks nothing that the encoder does not check itself. A span that is not laid out as the SDK's own are, or
that cannot be encoded as it is, raises one of ``UNUSUAL``; `from_readable_span` takes every span.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from typing import Any

import msgspec
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import INVALID_SPAN_CONTEXT, SpanKind, StatusCode

from agentsight_otel.translation.readable import plain_attributes
from agentsight_otel.translation.relevance import PREFIXES, concerns_agents
from agentsight_otel.translation.span_data import EventData, LinkData, ScopeData, SpanData

UNUSUAL = (AttributeError, TypeError, ValueError, OverflowError, RecursionError)
"""What `pack` raises for a span it cannot read or encode."""

_OTHER_CLASS = "another class may show less than it holds"
_CACHE_SIZE = 64
_KINDS = {kind: kind.name.lower() for kind in SpanKind}
_STATUSES = {code: code.name.lower() for code in StatusCode}
# Looking a member up in an enumeration runs Python code.
_NO_STATE = INVALID_SPAN_CONTEXT.trace_state
_INTERNAL, _UNSET = SpanKind.INTERNAL, StatusCode.UNSET

# All in one call; the public properties would make a proxy or a copy of each collection.
_fields = attrgetter(
    "_context",
    "_name",
    "_start_time",
    "_end_time",
    "_parent",
    "_kind",
    "_status._status_code",
    "_attributes._dict",
    "_attributes.dropped",
    "_events._dq",
    "_events.dropped",
    "_links._dq",
    "_links.dropped",
    "_resource",
    "_instrumentation_scope",
)
_names = attrgetter("_attributes._dict", "_instrumentation_scope.name", "_events._dq")
_event_fields = attrgetter("_name", "_timestamp", "_attributes._dict")


class _Event(msgspec.Struct, array_like=True, gc=False):
    name: str
    time_ns: int
    attributes: dict[str, Any]


class _Rare(msgspec.Struct, array_like=True, gc=False):
    """What few spans have."""

    parent_span_id: str | None
    kind: str
    status: str
    status_description: str
    links: tuple[LinkData, ...]
    trace_flags: int
    trace_state: str
    parent_is_remote: bool
    dropped_attributes: int
    dropped_events: int
    dropped_links: int


class _Packed(msgspec.Struct, array_like=True, gc=False):
    key: bytes
    name: str
    start_ns: int
    end_ns: int
    attributes: dict[str, Any]
    events: list[_Event]
    origin: msgspec.Raw
    rare: _Rare | None = None


class _Origin(msgspec.Struct, array_like=True):
    resource: dict[str, Any]
    scope: ScopeData


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Packed).decode
_decode_origin = msgspec.msgpack.Decoder(_Origin).decode

# A process has few. The entries hold the originals, so that an id() stays its owner's.
_packed_origins: dict[int, tuple[InstrumentationScope, Resource, msgspec.Raw]] = {}
_NO_ORIGIN = (None, None, msgspec.Raw())
_origins: dict[bytes, _Origin] = {}


def pack(span: ReadableSpan, every: bool = True) -> tuple[bytes, bytes] | None:
    """Return a finished span's key, which is its ids in 24 bytes, and its bytes.

    Args:
        span: Of the SDK.
        every: Also one that is about no agent or conversation; otherwise None is returned for it.

    Raises:
        Exception: One of ``UNUSUAL``.
    """
    # Calls and public properties are most of the time this takes, so there are none that can be spared.
    if type(span) is not ReadableSpan:
        raise TypeError(_OTHER_CLASS)
    (
        context,
        name,
        start,
        end,
        parent,
        kind,
        code,
        attributes,
        lost_attributes,
        events,
        lost_events,
        links,
        lost_links,
        resource,
        scope,
    ) = _fields(span)
    for attribute in attributes:
        if attribute.startswith(PREFIXES):
            break
    else:
        if not (every or concerns_agents(attributes, scope.name, events)):
            return None
    trace_id, span_id, _, flags, state, _ = context
    key = trace_id.to_bytes(16, "big") + span_id.to_bytes(8, "big")
    known = _packed_origins.get(id(scope), _NO_ORIGIN)
    same = known[0] is scope and known[1] is resource
    origin = known[2] if same else _pack_origin(scope, resource)
    happened = [_event_fields(event) for event in events] if events else ()
    lost = lost_attributes or lost_events or lost_links
    plain = kind is _INTERNAL and code is _UNSET and flags == 1 and (state is _NO_STATE or not state)
    if plain and parent is None and not (links or lost):
        return key, _encode((key, name, start, end, attributes, happened, origin))
    rare = _Rare(
        f"{parent.span_id:016x}" if parent is not None and parent.span_id else None,
        _KINDS[kind],
        _STATUSES[code],
        span.status.description or "",
        tuple([_link(link) for link in links]) if links else (),
        int(flags),
        state.to_header() if state else "",
        parent is not None and parent.is_remote,
        lost_attributes,
        lost_events,
        lost_links,
    )
    return key, _encode((key, name, start, end, attributes, happened, origin, rare))


def concerns(span: ReadableSpan) -> bool:
    """Say whether a finished span is about an agent or a conversation; raises like `pack`."""
    if type(span) is not ReadableSpan:
        raise TypeError(_OTHER_CLASS)
    return concerns_agents(*_names(span))


def texts_of(span: ReadableSpan) -> Iterator[dict[str, Any]]:
    """Yield the attributes of a span and of its events, for which `concerns` did not raise."""
    attributes, _, events = _names(span)
    yield attributes
    for event in events:
        yield _event_fields(event)[2]


def key_of(span: ReadableSpan) -> bytes:
    """Return the key that `pack` would give."""
    context = span.get_span_context() or INVALID_SPAN_CONTEXT
    return context.trace_id.to_bytes(16, "big") + context.span_id.to_bytes(8, "big")


def is_packed(data: bytes) -> bool:
    """Say whether *data* is a packed span and not a `SpanData`; in MessagePack, an array and not a map."""
    return data[:1] in _ARRAYS


def unpack(data: bytes) -> SpanData:
    """Return the span that was packed; equal to what `from_readable_span` makes of it.

    Raises:
        msgspec.DecodeError: The bytes are something else.
    """
    packed = _decode(data)
    raw = bytes(packed.origin)
    origin = _origins.get(raw)
    if origin is None:
        if len(_origins) >= _CACHE_SIZE:
            _origins.clear()
        origin = _origins[raw] = _decode_origin(raw)
    ids = packed.key.hex()
    rare = packed.rare or _USUAL
    return SpanData(
        ids[:32],
        ids[32:],
        packed.name,
        packed.start_ns,
        packed.end_ns,
        rare.parent_span_id,
        rare.kind,
        rare.status,
        rare.status_description,
        _plain(packed.attributes),
        tuple([EventData(e.name, e.time_ns, _plain(e.attributes)) for e in packed.events]),
        rare.links,
        origin.resource,
        origin.scope,
        rare.trace_flags,
        rare.trace_state,
        rare.parent_is_remote,
        rare.dropped_attributes,
        rare.dropped_events,
        rare.dropped_links,
    )


_USUAL = _Rare(None, "internal", "unset", "", (), 1, "", False, 0, 0, 0)
_PLAIN_TYPES = frozenset({str, bool, float, bytes})
_ARRAYS = frozenset(bytes([byte]) for byte in (*range(0x90, 0xA0), 0xDC, 0xDD))


def _pack_origin(scope: InstrumentationScope, resource: Resource) -> msgspec.Raw:
    named = ScopeData(scope.name or "", scope.version or "", scope.schema_url or "")
    raw = msgspec.Raw(_encode((plain_attributes(resource.attributes), named)))
    if len(_packed_origins) >= _CACHE_SIZE:
        _packed_origins.clear()
    _packed_origins[id(scope)] = (scope, resource, raw)
    return raw


def _plain(attributes: dict[str, Any]) -> dict[str, Any]:
    if _PLAIN_TYPES.issuperset(map(type, attributes.values())):
        return attributes
    return plain_attributes(attributes)


def _link(link: Any) -> LinkData:
    context = link.context
    return LinkData(f"{context.trace_id:032x}", f"{context.span_id:016x}", plain_attributes(link.attributes))

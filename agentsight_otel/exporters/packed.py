"""A finished span as bytes, read straight off the SDK's object, and back.

``Span.end`` returns to the application when these bytes are on disk, so making them copies nothing and
checks nothing that the encoder does not check itself. A span that is not laid out as the SDK's own are, or
that cannot be encoded as it is, raises one of ``UNUSUAL``; `from_readable_span` takes every span.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import Any

import msgspec
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import INVALID_SPAN_CONTEXT, Link, SpanKind, StatusCode, TraceState

from agentsight_otel.translation.readable import nanoseconds, plain_attributes
from agentsight_otel.translation.relevance import PREFIXES, concerns_agents
from agentsight_otel.translation.span_data import EventData, LinkData, ScopeData, SpanData

UNUSUAL = (AttributeError, TypeError, ValueError, OverflowError, RecursionError)
"""What `pack` raises for a span it cannot read or encode."""

_OTHER_CLASS = "another class may show less than it holds"
_CACHE_SIZE = 256
# By value: an enumeration's hash runs Python code.
_KINDS = {kind.value: kind.name.lower() for kind in SpanKind}
_STATUSES = {code.value: code.name.lower() for code in StatusCode}
_NO_STATE = INVALID_SPAN_CONTEXT.trace_state

# All in one call; the public properties would make a proxy or a copy of each collection.
_fields = attrgetter(
    "_context",
    "_name",
    "_start_time",
    "_end_time",
    "_parent",
    "_kind._value_",
    "_status._status_code._value_",
    "_status._description",
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
    time_ns: int | float
    attributes: dict[str, Any]


class _Shared(msgspec.Struct, array_like=True):
    """What many spans have in common; a process makes few of them."""

    resource: dict[str, Any]
    scope: ScopeData
    kind: str
    status: str
    trace_flags: int
    parent_is_remote: bool


class _Rare(msgspec.Struct, array_like=True, gc=False):
    """What few spans have."""

    status_description: str = ""
    links: tuple[LinkData, ...] = ()
    trace_state: str = ""
    dropped_attributes: int = 0
    dropped_events: int = 0
    dropped_links: int = 0


class _Packed(msgspec.Struct, array_like=True, gc=False):
    ids: bytes  # of the trace, the span and, if it has one, its parent
    name: str
    start_ns: int | float  # as it was given to OpenTelemetry
    end_ns: int | float
    attributes: dict[str, Any]
    events: list[_Event]
    shared: msgspec.Raw
    rare: _Rare | None = None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Packed).decode
_decode_shared = msgspec.msgpack.Decoder(_Shared).decode

_SharedKey = tuple[int, int, int, int, bool]

# The entries hold the originals, so that an id() stays its owner's.
_packed_shared: dict[_SharedKey, tuple[InstrumentationScope, Resource, msgspec.Raw]] = {}
_NONE_PACKED = (None, None, msgspec.Raw())
_shared: dict[bytes, _Shared] = {}


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
        description,
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
    ids, remote = key, False
    if parent is not None:
        remote = parent[2]
        if parent[1]:
            ids += parent[1].to_bytes(8, "big")
    sort = (id(scope), kind, code, flags, remote)
    known = _packed_shared.get(sort, _NONE_PACKED)
    same = known[0] is scope and known[1] is resource
    shared = known[2] if same else _pack_shared(sort, scope, resource)
    happened = [*map(_event_fields, events)] if events else ()
    plain = state is _NO_STATE or not state
    if plain and not (description or links or lost_attributes or lost_events or lost_links):
        return key, _encode((ids, name, start, end, attributes, happened, shared))
    rare = _rare(description, links, state, lost_attributes, lost_events, lost_links)
    return key, _encode((ids, name, start, end, attributes, happened, shared, rare))


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
    raw = bytes(packed.shared)
    shared = _shared.get(raw)
    if shared is None:
        if len(_shared) >= _CACHE_SIZE:
            _shared.clear()
        shared = _shared[raw] = _decode_shared(raw)
    ids = packed.ids.hex()
    rare = packed.rare or _USUAL
    return SpanData(
        ids[:32],
        ids[32:48],
        packed.name,
        nanoseconds(packed.start_ns),
        nanoseconds(packed.end_ns),
        ids[48:] or None,
        shared.kind,
        shared.status,
        rare.status_description,
        _plain(packed.attributes),
        tuple([EventData(e.name, nanoseconds(e.time_ns), _plain(e.attributes)) for e in packed.events]),
        rare.links,
        shared.resource,
        shared.scope,
        shared.trace_flags,
        rare.trace_state,
        shared.parent_is_remote,
        rare.dropped_attributes,
        rare.dropped_events,
        rare.dropped_links,
    )


_USUAL = _Rare()
_PLAIN_TYPES = frozenset({str, bool, float, bytes})
_ARRAYS = frozenset(bytes([byte]) for byte in (*range(0x90, 0xA0), 0xDC, 0xDD))


def _pack_shared(sort: _SharedKey, scope: InstrumentationScope, resource: Resource) -> msgspec.Raw:
    _, kind, code, flags, remote = sort
    named = ScopeData(scope.name or "", scope.version or "", scope.schema_url or "")
    shared = _Shared(
        plain_attributes(resource.attributes), named, _KINDS[kind], _STATUSES[code], int(flags), remote
    )
    raw = msgspec.Raw(_encode(shared))
    if len(_packed_shared) >= _CACHE_SIZE:
        _packed_shared.clear()
    _packed_shared[sort] = (scope, resource, raw)
    return raw


def _rare(description: str | None, links: Iterable[Link], state: TraceState, *lost: int) -> _Rare:
    header = state.to_header() if state else ""
    return _Rare(description or "", tuple([_link(link) for link in links]), header, *lost)


def _plain(attributes: dict[str, Any]) -> dict[str, Any]:
    if _PLAIN_TYPES.issuperset(map(type, attributes.values())):
        return attributes
    return plain_attributes(attributes)


def _link(link: Link) -> LinkData:
    context = link.context
    return LinkData(f"{context.trace_id:032x}", f"{context.span_id:016x}", plain_attributes(link.attributes))

"""SpanData: the one span type between the rooms, whichever door a span came in by.

What these hold never refers back to them, so the garbage collector need not walk them (``gc=False``).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from agentsight_otel.encoding import Quiet


class SpanKey(NamedTuple):
    """What names a span everywhere: lowercase hexadecimal trace and span id."""

    trace_id: str
    span_id: str


class LogKey(SpanKey):
    """The log records of a span of that name, and not the span, which may come later or never."""

    __slots__ = ()


class EventData(Quiet, msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A span event, or a log record that belongs to a span.

    Attributes:
        name: Event name.
        time_ns: Nanoseconds since the Unix epoch.
        attributes: As received: scalars, bytes, lists and dicts, nested.
        body: The body of a log record, None for a span event.
    """

    name: str
    time_ns: int
    attributes: dict[str, Any] = {}
    body: Any = None


class LinkData(Quiet, msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A link to another span."""

    trace_id: str
    span_id: str
    attributes: dict[str, Any] = {}


class ScopeData(Quiet, msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The instrumentation scope that made a span."""

    name: str = ""
    version: str = ""
    schema_url: str = ""


class SpanData(Quiet, msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One finished span.

    Attributes:
        trace_id: 32 lowercase hexadecimal digits.
        span_id: 16 lowercase hexadecimal digits.
        name: Span name.
        start_ns: Nanoseconds since the Unix epoch.
        end_ns: Nanoseconds since the Unix epoch.
        parent_span_id: 16 lowercase hexadecimal digits, or None for a root.
        kind: ``internal``, ``server``, ``client``, ``producer`` or ``consumer``.
        status: ``unset``, ``ok`` or ``error``.
        status_description: Text of an error status.
        attributes: As received: scalars, bytes, lists and dicts, nested.
        events: In the order of recording.
        links: In the order of recording.
        resource: Attributes of the resource.
        scope: Instrumentation scope.
        trace_flags: W3C trace flags.
        trace_state: W3C tracestate header.
        parent_is_remote: The parent lives in another process.
        dropped_attributes: Attributes the SDK dropped.
        dropped_events: Events the SDK dropped.
        dropped_links: Links the SDK dropped.
    """

    trace_id: str
    span_id: str
    name: str
    start_ns: int
    end_ns: int
    parent_span_id: str | None = None
    kind: str = "internal"
    status: str = "unset"
    status_description: str = ""
    attributes: dict[str, Any] = {}
    events: tuple[EventData, ...] = ()
    links: tuple[LinkData, ...] = ()
    resource: dict[str, Any] = {}
    scope: ScopeData = ScopeData()
    trace_flags: int = 1
    trace_state: str = ""
    parent_is_remote: bool = False
    dropped_attributes: int = 0
    dropped_events: int = 0
    dropped_links: int = 0

    @property
    def key(self) -> SpanKey:
        """The span's name everywhere."""
        return tuple.__new__(SpanKey, (self.trace_id, self.span_id))


class LogData(Quiet, msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A log record that carries a GenAI event of the span it names."""

    trace_id: str
    span_id: str
    event: EventData
    resource: dict[str, Any] = {}
    scope: ScopeData = ScopeData()

    @property
    def key(self) -> SpanKey:
        """The span the record belongs to."""
        return SpanKey(self.trace_id, self.span_id)

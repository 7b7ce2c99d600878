"""Spans that wait for the rest of their turn."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from agentsight_otel.translation.assembly.memory import Recent
from agentsight_otel.translation.dialects import CONVERSATION_KEYS
from agentsight_otel.translation.dialects.events import DETAILS
from agentsight_otel.translation.span_data import EventData, LogData, SpanData

_NAMES = frozenset(CONVERSATION_KEYS)
_SMALL = frozenset({str, int, float, bool, type(None)})
_TEXTS = (str, bytes)
_CONTAINERS = (dict, list, tuple)
_is_text = str.__instancecheck__
_rank = {key: rank for rank, key in reversed([*enumerate(CONVERSATION_KEYS)])}.__getitem__
MAX_HELD_IDLES = 24
"""A trace whose conversation never rests leaves after this many idle times, as does one in which the results
of tools, or the span of the run, never come."""
MAX_RUN_IDLES = 120
"""Idle times after which a conversation leaves that still goes on, one thing after the other."""
_OPEN = "open:"
_MAX_GONE = 10_000


class PendingTrace(msgspec.Struct, eq=False):
    """What has arrived of one trace.

    Attributes:
        trace_id: Of the trace.
        spans: By span id.
        logs: Records by the span id they name.
        first_ns: When its first part arrived.
        last_ns: When its last part arrived.
        conversations: Conversation ids that its spans name.
        known: Something says where it belongs: a span of it, earlier ones, or a conversation's id.
        count: Spans and log records.
        size: Bytes of their texts, about.
        holder: The conversation it is held for, whose tools still run, or its own run; "" while not held.
        gone: Ids of spans that ended and do not come here.
    """

    trace_id: str
    first_ns: int
    last_ns: int
    spans: dict[str, SpanData] = {}
    logs: dict[str, list[EventData]] = {}
    log_sources: dict[str, LogData] = {}
    conversations: set[str] = set()
    known: bool = False
    count: int = 0
    size: int = 0
    holder: str = ""
    gone: set[str] = set()


class Pending:
    """The traces that wait, by trace id.

    Attributes:
        count: Spans and log records in them.
        size: Bytes of their texts, about.
    """

    def __init__(self, idle_ns: int) -> None:
        self._idle_ns = idle_ns
        self._traces: dict[str, PendingTrace] = {}
        self._held: dict[str, set[str]] = {}
        # What goes on in the background of a request comes when that has ended.
        self._gone: Recent[str, str] = Recent(_MAX_GONE)
        self.count = 0
        self.size = 0

    def add(self, span: SpanData, now_ns: int) -> bool:
        """Keep a span; False when it is here already."""
        trace = self._traces.get(span.trace_id)
        if trace is None or trace.holder or trace.last_ns < now_ns:
            trace = self._trace(span.trace_id, now_ns)
        span_id, attributes, events = span.span_id, span.attributes, span.events
        if span_id in trace.spans:
            return False
        trace.spans[span_id] = span
        trace.known = True
        self._count(trace, _size(attributes) + _size(events) if events else _size(attributes))
        named = _NAMES.intersection(attributes)
        for key in named if len(named) <= 1 else sorted(named, key=_rank):
            value = attributes[key]
            if value and isinstance(value, str):
                trace.conversations.add(value)
                break
        return True

    def add_log(self, log: LogData, now_ns: int, *, known: bool) -> None:
        """Keep a log record; the same record again changes nothing.

        Args:
            log: The record.
            now_ns: The time.
            known: Spans of its trace have left.
        """
        trace = self._trace(log.trace_id, now_ns)
        trace.known = trace.known or known or _names_conversation(log.event)
        events = trace.logs.setdefault(log.span_id, [])
        if log.event not in events:
            events.append(log.event)
            self._count(trace, _size(log.event))
            trace.log_sources[log.span_id] = log

    def go_without(self, trace_id: str, span_id: str) -> None:
        """Wait no longer for a span: it has ended and goes another way."""
        trace = self._traces.get(trace_id)
        if trace is None or len(trace.gone) >= _MAX_GONE:
            self._gone.put(span_id, trace_id)
            return
        trace.gone.add(span_id)
        if trace.holder.startswith(_OPEN):
            self._let_go(trace)

    def is_gone(self, trace: PendingTrace, span_id: str) -> bool:
        """Whether a span of a trace has ended and goes another way."""
        return span_id in trace.gone or self._gone.get(span_id) == trace.trace_id

    def take_idle(self, now_ns: int, most: int) -> list[PendingTrace]:
        """Remove and return the traces to which nothing was added for the idle time, about *most* spans.

        A trace is held while another one of its conversation is not idle, while its tools or its run go on,
        or while only log records of it are here, for a limited time: they may come long before their span.
        """
        busy: set[str] = set()
        for trace in self._traces.values():
            if now_ns - trace.last_ns < self._idle_ns:
                busy |= trace.conversations
        longest = self._idle_ns * MAX_HELD_IDLES
        overdue = {name for name in self._held if not self.may_wait(self._holding(name), now_ns)}
        idle = [
            trace
            for trace in self._traces.values()
            if now_ns - trace.last_ns >= self._idle_ns
            and (not trace.holder or trace.holder in overdue)
            and ((trace.known and busy.isdisjoint(trace.conversations)) or now_ns - trace.first_ns >= longest)
        ]
        return self._take_first(idle, most, 0)

    def may_wait(self, traces: list[PendingTrace], now_ns: int) -> bool:
        """Whether the traces of a conversation that goes on can still be held."""
        last = max(trace.last_ns for trace in traces)
        first = min(trace.first_ns for trace in traces)
        return (
            now_ns - last < self._idle_ns * MAX_HELD_IDLES and now_ns - first < self._idle_ns * MAX_RUN_IDLES
        )

    def hold(self, conversation_id: str, traces: Iterable[PendingTrace]) -> None:
        """Take traces back until their conversation goes on."""
        for trace in traces:
            trace.holder = conversation_id
            self._traces[trace.trace_id] = trace
            self._held.setdefault(conversation_id, set()).add(trace.trace_id)
            self.count += trace.count
            self.size += trace.size

    def hold_open(self, trace: PendingTrace) -> None:
        """Take a trace back until something is added to it, for its run has not ended."""
        self.hold(_OPEN + trace.trace_id, [trace])

    def take_held(self, conversations: Iterable[str]) -> list[PendingTrace]:
        """Remove and return the traces that are held for these conversations."""
        if not self._held:
            return []
        return self._take(trace_id for name in conversations for trace_id in sorted(self._held.get(name, ())))

    def take_oldest(self, keep: int, keep_bytes: int) -> list[PendingTrace]:
        """Remove and return what rested longest, whole conversations, until no more than that remains."""
        by_rest = sorted(self._traces.values(), key=lambda trace: (trace.last_ns, trace.trace_id))
        return self._take_first(by_rest, self.count - keep, self.size - keep_bytes)

    def take_all(self) -> list[PendingTrace]:
        """Remove and return everything."""
        return self._take(list(self._traces))

    def _trace(self, trace_id: str, now_ns: int) -> PendingTrace:
        trace = self._traces.get(trace_id)
        if trace is None:
            trace = self._traces[trace_id] = PendingTrace(trace_id, now_ns, now_ns)
        if trace.holder:
            self._let_go(trace)
        trace.last_ns = max(trace.last_ns, now_ns)
        return trace

    def _take_first(self, traces: list[PendingTrace], count: int, size: int) -> list[PendingTrace]:
        """Remove and return the first of *traces* that hold so much, with the rest of their conversations."""
        chosen: list[str] = []
        conversations: set[str] = set()
        for trace in traces:
            if count > 0 or size > 0 or not conversations.isdisjoint(trace.conversations):
                chosen.append(trace.trace_id)
                conversations |= trace.conversations
                count -= trace.count
                size -= trace.size
        return self._take(chosen)

    def _take(self, trace_ids: Iterable[str]) -> list[PendingTrace]:
        taken = [self._traces.pop(trace_id) for trace_id in list(trace_ids)]
        for trace in taken:
            self.count -= trace.count
            self.size -= trace.size
            if trace.holder:
                self._let_go(trace)
        return taken

    def _count(self, trace: PendingTrace, size: int) -> None:
        trace.count += 1
        trace.size += size
        self.count += 1
        self.size += size

    def _holding(self, conversation_id: str) -> list[PendingTrace]:
        return [self._traces[trace_id] for trace_id in self._held[conversation_id]]

    def _let_go(self, trace: PendingTrace) -> None:
        held = self._held[trace.holder]
        held.discard(trace.trace_id)
        if not held:
            del self._held[trace.holder]
        trace.holder = ""


def _names_conversation(event: EventData) -> bool:
    return event.name == DETAILS and not _NAMES.isdisjoint(event.attributes)


def _size(value: object) -> int:
    """Return about how many bytes the texts in a value take, however deep they are."""
    if isinstance(value, _CONTAINERS):
        inner = value.values() if isinstance(value, dict) else value
        # Nearly all are texts and numbers; a look at each would be seen in what translating a span takes.
        size = sum(map(len, filter(_is_text, inner)))
        if not _SMALL.issuperset(map(type, inner)):
            size += sum([_size(one) for one in inner if type(one) not in _SMALL and not _is_text(one)])
        return size
    if isinstance(value, _TEXTS):
        return len(value)
    return _size(value.attributes) + _size(value.body) if isinstance(value, EventData) else 0

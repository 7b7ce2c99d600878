"""Log records joined to the spans they are about, and those that stand in for a span."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from agentsight_otel.translation.assembly.ids import span_id as derived_id
from agentsight_otel.translation.assembly.memory import Memory
from agentsight_otel.translation.assembly.pending import PendingTrace
from agentsight_otel.translation.dialects.base import Kind
from agentsight_otel.translation.dialects.events import DETAILS, EVALUATION
from agentsight_otel.translation.dialects.reading import Reading, read_span
from agentsight_otel.translation.dialects.usage import Usage
from agentsight_otel.translation.span_data import EventData, LinkData, LogData, SpanData

LOG_ONLY = "agentsight.log_only"
"""Attribute of the stand-in for a span that only a log record tells of."""

_OPERATION = "gen_ai.operation.name"


def readings(trace: PendingTrace, memory: Memory) -> Iterator[Reading]:
    """Read the spans of a trace with the log records that tell their content.

    A record that names a span of another operation (the application's own span around a model call, say)
    is about a call of its own below it, which its response id joins to the call's span.
    """
    if not trace.logs:
        yield from map(Reading, trace.spans.values())
        return
    for name, span in trace.spans.items():
        logs = trace.logs.get(name)
        if not logs:
            yield read_span(span)
            continue
        reading = read_span(span)
        own = [event for event in logs if _is_about(event, reading)]
        yield _told_in_full(span, own) if own else reading
        rest = [event for event in logs if event not in own]
        if rest:
            yield from _stand_ins(trace.log_sources[name], rest, memory)
    for name, log in trace.log_sources.items():
        if name not in trace.spans:
            yield from _stand_ins(log, trace.logs[name], memory)


def _is_about(event: EventData, reading: Reading) -> bool:
    if reading.kind is None:
        return False
    if event.name != DETAILS:
        return True
    operation = event.attributes.get(_OPERATION)
    return operation is None or operation == reading.span.attributes.get(_OPERATION, operation)


def _told_in_full(span: SpanData, logs: list[EventData]) -> Reading:
    events = sorted((*span.events, *logs), key=lambda event: event.time_ns)
    return read_span(msgspec.structs.replace(span, events=tuple(events)))


def _stand_ins(log: LogData, events: list[EventData], memory: Memory) -> Iterator[Reading]:
    calls = [[event] for event in events if event.name == DETAILS]
    calls.append([event for event in events if event.name not in {DETAILS, EVALUATION}])
    verdicts = [event for event in events if event.name == EVALUATION]
    for kind, group in [*((Kind.LLM, call) for call in calls), (Kind.EVALUATOR, verdicts)]:
        if not group:
            continue
        group.sort(key=lambda event: event.time_ns)
        span = SpanData(
            log.trace_id,
            derived_id("log", log.trace_id, log.span_id, group[0].name, str(group[0].time_ns)),
            "log",
            group[0].time_ns,
            group[-1].time_ns,
            parent_span_id=log.span_id,
            attributes={LOG_ONLY: True},
            events=tuple(group),
            links=(LinkData(log.trace_id, log.span_id),),
            resource=log.resource,
            scope=log.scope,
        )
        reading = read_span(span)
        reading.kind = reading.kind or kind
        response = reading.response
        if response and memory.told.get(response):
            reading.usage = Usage()  # the call's span has been delivered; only the texts are news
        yield reading

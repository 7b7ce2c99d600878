"""Our own tracer of the host's provider: it samples everything and lets us choose ids.

Only our tracer changes; the host's tracers keep their sampler and their ids.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Tracer as SdkTracer
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Span, SpanKind, Tracer

TracerGetter = Callable[[], Tracer | None]


class _Chosen(threading.local):
    """What this thread has chosen for the span it is starting; 0 for a random id."""

    trace_id = 0
    span_id = 0


class ChosenIds(IdGenerator):
    """Gives the ids chosen for the span that this thread is starting, otherwise random ones."""

    def __init__(self) -> None:
        self._chosen = _Chosen()
        self._random = RandomIdGenerator()

    def start(
        self,
        tracer: SdkTracer,
        name: str,
        context: Context,
        attributes: Mapping[str, Any],
        *,
        trace_id: str,
        span_id: str | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        start_ns: int | None = None,
    ) -> Span:
        """Start a span with these ids; the trace id counts only for a root, a missing span id is random."""
        chosen = self._chosen
        # What was chosen before comes back: a turn that ends by garbage collection starts spans anywhere.
        before = chosen.trace_id, chosen.span_id
        chosen.trace_id, chosen.span_id = int(trace_id, 16), int(span_id, 16) if span_id else 0
        try:
            return tracer.start_span(name, context, kind, attributes, start_time=start_ns)
        finally:
            chosen.trace_id, chosen.span_id = before

    def generate_span_id(self) -> int:
        """Return the chosen span id or a random one."""
        return self._chosen.span_id or self._random.generate_span_id()

    def generate_trace_id(self) -> int:
        """Return the chosen trace id or a random one."""
        return self._chosen.trace_id or self._random.generate_trace_id()


IDS = ChosenIds()


def own(tracer: Tracer | None) -> SdkTracer | None:
    """Return *tracer* prepared for us; None when it is not one of an SDK and records nothing."""
    if not isinstance(tracer, SdkTracer):
        return None
    if tracer.id_generator is not IDS:
        tracer.id_generator = IDS
        tracer.sampler = ALWAYS_ON
    return tracer


def sampled(span: Span) -> bool:
    """Whether *span* is part of a trace that is being recorded."""
    context = span.get_span_context()
    return context.is_valid and context.trace_flags.sampled


def ambient_span() -> trace.SpanContext | None:
    """Return the sampled span the running code is inside, or None."""
    span = trace.get_current_span()
    return span.get_span_context() if sampled(span) else None


def parent_context(trace_id: str, span_id: str | None) -> Context:
    """Return a Context whose span is the given one; without any span when *span_id* is None."""
    if span_id is None:
        return Context()
    flags = trace.TraceFlags(trace.TraceFlags.SAMPLED)
    context = trace.SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=False, trace_flags=flags)
    return trace.set_span_in_context(trace.NonRecordingSpan(context), Context())

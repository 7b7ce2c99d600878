"""Our own tracer of the host's provider: it samples everything and lets us choose ids.

Only our tracer changes; the host's tracers keep their sampler and their ids.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Tracer as SdkTracer
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Tracer

TracerGetter = Callable[[], Tracer | None]


class ChosenIds(IdGenerator):
    """Gives the ids chosen for the span that this thread is starting, otherwise random ones."""

    def __init__(self) -> None:
        self._chosen = threading.local()
        self._random = RandomIdGenerator()

    @contextmanager
    def choose(self, trace_id: str, span_id: str | None = None) -> Iterator[None]:
        """Make a span started inside have these ids; the trace id counts only for a root."""
        self._chosen.ids = (int(trace_id, 16), int(span_id, 16) if span_id else None)
        try:
            yield
        finally:
            self._chosen.ids = (None, None)

    def generate_span_id(self) -> int:
        """Return the chosen span id or a random one."""
        return getattr(self._chosen, "ids", (None, None))[1] or self._random.generate_span_id()

    def generate_trace_id(self) -> int:
        """Return the chosen trace id or a random one."""
        return getattr(self._chosen, "ids", (None, None))[0] or self._random.generate_trace_id()


IDS = ChosenIds()


def own(tracer: Tracer | None) -> SdkTracer | None:
    """Return *tracer* prepared for us; None when it is not one of an SDK and records nothing."""
    if not isinstance(tracer, SdkTracer):
        return None
    if tracer.id_generator is not IDS:
        tracer.id_generator = IDS
        tracer.sampler = ALWAYS_ON
    return tracer


def sampled(span: trace.Span) -> bool:
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

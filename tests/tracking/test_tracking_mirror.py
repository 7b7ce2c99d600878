from __future__ import annotations

from typing import Any

import pytest
from opentelemetry import baggage, trace
from opentelemetry import context as otel_context
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from recording_sink import kind, make_tracker

from agentsight_otel.tracking import ConversationSpanProcessor, conversation
from agentsight_otel.tracking.ids import conversation_trace_id
from agentsight_otel.translation.span_data import SpanData


def make_provider(**kwargs: Any) -> tuple[TracerProvider, InMemorySpanExporter]:
    """Make a provider with our processor and an exporter to memory."""
    provider = TracerProvider(**kwargs)
    exporter = InMemorySpanExporter()
    provider.add_span_processor(ConversationSpanProcessor())
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider, exporter


def track_something(tracker: Any) -> None:
    """Track one turn of everything."""
    tracker.get_or_create_conversation("c-m", customer_id="cust")
    tracker.track_human_message("q", metadata={"a": 1})
    tracker.track_action("search", response="r")
    tracker.track_action("fails", error_msg="boom")
    tracker.track_token_usage(1, 2, model="m")
    tracker.track_agent_message("a")


def as_planned(span: ReadableSpan) -> tuple[Any, ...]:
    """Return what a finished OpenTelemetry span says, in the order of `planned`."""
    context = span.get_span_context()
    assert context is not None
    return (
        f"{context.trace_id:032x}",
        f"{context.span_id:016x}",
        f"{span.parent.span_id:016x}" if span.parent else None,
        span.name,
        span.start_time,
        span.end_time,
        dict(span.attributes or {}),
        [(event.name, event.timestamp, dict(event.attributes or {})) for event in span.events],
        span.status.status_code.name.lower(),
        span.kind.name.lower(),
    )


def planned(span: SpanData) -> tuple[Any, ...]:
    """Return what a planned span says."""
    return (
        span.trace_id,
        span.span_id,
        span.parent_span_id,
        span.name,
        span.start_ns,
        span.end_ns,
        span.attributes,
        [(event.name, event.time_ns, event.attributes) for event in span.events],
        span.status,
        span.kind,
    )


def test_other_exporters_see_exactly_what_is_delivered() -> None:
    """Ids, parents, times, attributes, events, status and kind of both are the same."""
    provider, exporter = make_provider()
    tracker, sink = make_tracker(tracer=lambda: provider.get_tracer("agentsight_otel"))
    track_something(tracker)
    tracker.send_tracked_data()
    finished = exporter.get_finished_spans()
    assert [as_planned(span) for span in finished] == [planned(span) for span in sink.spans]
    assert sink.spans[0].resource["telemetry.sdk.name"] == "opentelemetry"
    turn = next(span for span in finished if span.name == "turn")
    assert turn.parent is None


def test_an_ambient_sampled_span_is_joined() -> None:
    """Inside a request's span the conversation is part of that trace."""
    provider, exporter = make_provider()
    tracker, sink = make_tracker(tracer=lambda: provider.get_tracer("agentsight_otel"))
    track_something(tracker)
    with provider.get_tracer("host").start_as_current_span("request") as request:
        tracker.send_tracked_data()
    context = request.get_span_context()
    assert {span.trace_id for span in sink.spans} == {f"{context.trace_id:032x}"}
    turn = next(span for span in sink.spans if kind(span) == "turn")
    assert turn.parent_span_id == f"{context.span_id:016x}"
    assert len(exporter.get_finished_spans()) == len(sink.spans) + 1


def test_a_host_that_does_not_sample_cannot_silence_us() -> None:
    """Under an unsampled span, and with a sampler that is off, the conversation has its own trace."""
    provider, exporter = make_provider(sampler=ALWAYS_OFF)
    tracker, sink = make_tracker(tracer=lambda: provider.get_tracer("agentsight_otel"))
    track_something(tracker)
    with provider.get_tracer("host").start_as_current_span("request"):
        tracker.send_tracked_data()
    finished = exporter.get_finished_spans()
    assert [as_planned(span) for span in finished] == [planned(span) for span in sink.spans]
    assert {span.trace_id for span in sink.spans} == {conversation_trace_id("c-m")}
    assert not provider.get_tracer("host").start_span("still off").get_span_context().trace_flags.sampled


def test_host_limits_lose_nothing_of_what_is_delivered() -> None:
    """Ten events and short values a span at the host: the delivered spans have everything."""
    provider, _ = make_provider(span_limits=SpanLimits(max_events=10, max_attribute_length=5))
    tracker, sink = make_tracker(tracer=lambda: provider.get_tracer("agentsight_otel"))
    tracker.configure(conversation_id="limits")
    for number in range(300):
        tracker.track_agent_message(f"message {number}")
    tracker.send_tracked_data()
    events = [event.attributes["agentsight.message.content"] for span in sink.spans for event in span.events]
    assert events == [f"message {number}" for number in range(300)]


def test_a_tracer_that_records_nothing_is_left_out() -> None:
    """With OpenTelemetry disabled, delivery goes on alone."""
    tracker, sink = make_tracker(tracer=trace.NoOpTracer)
    track_something(tracker)
    assert tracker.send_tracked_data()["delivered"]
    assert sink.spans[0].resource == {}


def test_every_span_inside_a_conversation_says_so() -> None:
    """A third party's span gets id, customer and metadata, and keeps what it says of itself."""
    provider, exporter = make_provider()
    tracer = provider.get_tracer("third.party")
    with conversation("c-p", customer_id="cust", metadata={"plan": "pro"}):
        tracer.start_span("inside").end()
        tracer.start_span("own", attributes={"session.id": "theirs"}).end()
        tracer.start_span("other", attributes={"agentsight.conversation.id": "other"}).end()
    tracer.start_span("outside").end()
    inside, own, other, outside = [dict(s.attributes or {}) for s in exporter.get_finished_spans()]
    assert inside == {
        "agentsight.conversation.id": "c-p",
        "gen_ai.conversation.id": "c-p",
        "session.id": "c-p",
        "agentsight.conversation.customer_id": "cust",
        "user.id": "cust",
        "agentsight.conversation.metadata": '{"plan":"pro"}',
    }
    assert own["session.id"] == "theirs"
    assert own["agentsight.conversation.id"] == "c-p"
    assert other == {"agentsight.conversation.id": "other"}
    assert outside == {}


def test_the_trackers_conversation_is_stamped_too() -> None:
    """After configure or get_or_create_conversation an instrumented call belongs to the conversation."""
    provider, exporter = make_provider()
    tracker, _ = make_tracker()
    tracker.get_or_create_conversation("c-t", customer_id="cust")
    provider.get_tracer("third.party").start_span("chat").end()
    (span,) = exporter.get_finished_spans()
    assert dict(span.attributes or {})["agentsight.conversation.customer_id"] == "cust"


def test_baggage_carries_the_conversation_to_another_service() -> None:
    """Through HTTP headers, id and customer arrive, and the other service's spans and items are ours."""
    carrier: dict[str, str] = {}
    propagator = W3CBaggagePropagator()
    with conversation("c ä,1", customer_id="cust"):
        propagator.inject(carrier)
    assert baggage.get_all() == {}
    provider, exporter = make_provider()
    tracker, sink = make_tracker()
    incoming = propagator.extract(carrier, otel_context.Context())
    token = otel_context.attach(incoming)
    provider.get_tracer("other.service").start_span("GET").end()
    tracker.track_action("remote")
    tracker.send_tracked_data()
    otel_context.detach(token)
    provider.get_tracer("other.service").start_span("explicit", context=incoming).end()
    for span in exporter.get_finished_spans():
        attributes = dict(span.attributes or {})
        assert attributes["agentsight.conversation.id"] == "c ä,1"
        assert attributes["agentsight.conversation.customer_id"] == "cust"
    assert sink.spans[-1].attributes["agentsight.conversation.id"] == "c ä,1"


@pytest.mark.parametrize("turn_id", ["", "x" * 16, "AB" * 8, "ab" * 9])
def test_baggage_that_is_no_turn_is_ignored(turn_id: str) -> None:
    """A turn id from outside that cannot be one stamps nothing."""
    provider, exporter = make_provider()
    context = baggage.set_baggage("agentsight.conversation.id", "c", otel_context.Context())
    context = baggage.set_baggage("agentsight.turn.id", turn_id, context)
    provider.get_tracer("x").start_span("GET", context=context).end()
    assert "agentsight.turn.id" not in dict(exporter.get_finished_spans()[0].attributes or {})


@pytest.mark.parametrize("value", ["", "  ", "x" * 256, 7])
def test_baggage_that_is_no_id_is_ignored(value: Any) -> None:
    """What comes from outside and cannot be an id stamps nothing."""
    provider, exporter = make_provider()
    context = baggage.set_baggage("agentsight.conversation.id", value, otel_context.Context())
    provider.get_tracer("x").start_span("GET", context=context).end()
    assert dict(exporter.get_finished_spans()[0].attributes or {}) == {}

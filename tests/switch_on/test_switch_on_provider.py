"""Switching on in code: on a provider of the application, beside what it has, and never against it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

import pytest
from world import TOKENS, WHOLE, World

from agentsight_otel import AgentSightAPI
from agentsight_otel.server.run import Service, serve

TALK = """
from agent import QUESTIONS, Agent
from openinference.instrumentation import using_session

def talk(session="chat-1"):
    agent = Agent()
    with using_session(session):
        for question in QUESTIONS:
            agent.say(question)
"""

TRACK = """
from agentsight_otel import conversation_tracker as tracker
tracker.get_or_create_conversation("tracked-1")
tracker.track_human_message("Hi")
tracker.track_agent_message("Yes?")
assert tracker.send_tracked_data()["delivered"]
"""

LIVE = """
import agentsight_otel as a
with a.conversation("live-1"), a.turn() as t:
    t.user_message("Anyone?")
    with a.tool("look") as look:
        look.response = "nobody"
    t.agent_message("Me.")
assert a.force_flush()
"""
LIVED = [("end_user", "Anyone?"), ("action", "look"), ("agent", "Me.")]

FOREIGN = """
from opentelemetry import trace

class Foreign(trace.TracerProvider):
    def get_tracer(self, *args, **kwargs):
        return trace.NoOpTracer()

trace.set_tracer_provider(Foreign())
"""


def test_exporter_on_a_batch_processor(world: World) -> None:
    """The exporter on a provider's batch processor delivers what an instrumentation records."""
    world.run_code(
        TALK + "\nfrom openinference.instrumentation.openai import OpenAIInstrumentor"
        "\nfrom opentelemetry.sdk.trace import TracerProvider"
        "\nfrom opentelemetry.sdk.trace.export import BatchSpanProcessor"
        "\nfrom agentsight_otel.exporters import AgentSightSpanExporter"
        "\nprovider = TracerProvider()"
        "\nprovider.add_span_processor(BatchSpanProcessor(AgentSightSpanExporter()))"
        "\nOpenAIInstrumentor().instrument(tracer_provider=provider)"
        "\ntalk()"
        "\nprovider.shutdown()"
    )
    assert world.conversations() == ["chat-1"]
    assert world.transcript("chat-1") == WHOLE
    assert world.tokens() == TOKENS


def test_configure_and_instrument(world: World) -> None:
    """`configure(tracer_provider=…)` and `instrument()` are all an application needs to say."""
    result = world.run_code(
        TALK + "\nfrom opentelemetry.sdk.trace import TracerProvider"
        "\nimport agentsight_otel"
        "\nagentsight_otel.configure(tracer_provider=TracerProvider())"
        "\nprint(agentsight_otel.instrument())"
        "\ntalk()"
        "\nassert agentsight_otel.force_flush()"
    )
    assert result.stdout.splitlines()[0] == "{'openai': 'openinference'}"
    assert world.transcript("chat-1") == WHOLE
    assert world.tokens() == TOKENS


def test_exporter_and_configure_deliver_once(world: World) -> None:
    """Both ways on one provider, twice over: every span and every token arrives once."""
    world.run_code(
        TALK + "\nfrom opentelemetry import trace"
        "\nfrom opentelemetry.sdk.trace import TracerProvider"
        "\nfrom opentelemetry.sdk.trace.export import BatchSpanProcessor"
        "\nimport agentsight_otel"
        "\nfrom agentsight_otel.exporters import AgentSightSpanExporter"
        "\nprovider = TracerProvider()"
        "\nprovider.add_span_processor(BatchSpanProcessor(AgentSightSpanExporter()))"
        "\ntrace.set_tracer_provider(provider)"
        "\nagentsight_otel.configure(tracer_provider=provider)"
        "\nagentsight_otel.configure()"
        "\nagentsight_otel.instrument()"
        "\nassert agentsight_otel.instrument() == {'openai': 'openinference'}"
        "\ntalk()" + TRACK + LIVE + "\nprovider.force_flush()\nassert a.force_flush()\nprovider.shutdown()"
    )
    assert world.transcript("chat-1") == WHOLE
    assert world.transcript("tracked-1") == [("end_user", "Hi"), ("agent", "Yes?")]
    assert world.transcript("live-1") == LIVED
    assert world.tokens() == TOKENS
    sent = Counter(span["span_id"] for span in world.spans())
    assert [span_id for span_id, times in sent.items() if times > 1] == []


def test_flush_reaches_the_exporter(world: World) -> None:
    """`force_flush()` delivers and `stats()` counts what came by an exporter the application never held."""
    world.run_code(
        TALK + "\nfrom openinference.instrumentation.openai import OpenAIInstrumentor"
        "\nfrom opentelemetry.sdk.trace import TracerProvider"
        "\nfrom opentelemetry.sdk.trace.export import SimpleSpanProcessor"
        "\nimport agentsight_otel, requests, os"
        "\nfrom agentsight_otel.exporters import AgentSightSpanExporter"
        "\nprovider = TracerProvider(shutdown_on_exit=False)"
        "\nprovider.add_span_processor(SimpleSpanProcessor(AgentSightSpanExporter()))"
        "\nOpenAIInstrumentor().instrument(tracer_provider=provider)"
        "\ntalk()"
        "\nassert agentsight_otel.force_flush()"
        "\nstats = agentsight_otel.stats()"
        "\nassert (stats.delivered, stats.waiting, stats.balanced) == (3, 0, True), stats"
        "\nos._exit(0)"
    )
    assert world.transcript("chat-1") == WHOLE


@pytest.mark.parametrize("sampler", ["always_off", "parentbased_always_off"])
def test_host_sampling_off(world: World, sampler: str) -> None:
    """A host that samples nothing, also inside its own spans, still gets its conversations delivered."""
    inside = "\n".join("    " + line for line in (TRACK + LIVE).splitlines())
    world.run_code(
        "from opentelemetry import trace"
        "\nfrom opentelemetry.sdk.trace import TracerProvider"
        "\ntrace.set_tracer_provider(TracerProvider())"
        "\nwith trace.get_tracer('host').start_as_current_span('GET /') as span:"
        "\n    assert not span.is_recording()\n" + inside,
        OTEL_TRACES_SAMPLER=sampler,
    )
    assert world.transcript("tracked-1") == [("end_user", "Hi"), ("agent", "Yes?")]
    assert world.transcript("live-1") == LIVED


def test_sdk_disabled(world: World) -> None:
    """`OTEL_SDK_DISABLED=true` makes no spans, so nothing live; what is tracked is delivered."""
    world.run_code(TRACK + LIVE, OTEL_SDK_DISABLED="true")
    assert world.conversations() == ["tracked-1"]
    assert world.transcript("tracked-1") == [("end_user", "Hi"), ("agent", "Yes?")]


def test_provider_without_processors(world: World) -> None:
    """A global provider that takes no span processors stays, and conversations use one of our own."""
    world.run_code(
        FOREIGN + TRACK + LIVE + "\nassert isinstance(trace.get_tracer_provider(), Foreign)"
        "\na.configure(tracer_provider=trace.get_tracer_provider())"
        "\nwith a.conversation('live-2'), a.turn() as t:"
        "\n    t.user_message('Again?')"
        "\nassert a.force_flush()"
    )
    assert world.transcript("tracked-1") == [("end_user", "Hi"), ("agent", "Yes?")]
    assert world.transcript("live-1") == LIVED
    assert world.transcript("live-2") == [("end_user", "Again?")]


def test_existing_provider_is_adopted(world: World) -> None:
    """The application's provider is used and stays the global one; its exporters see our spans."""
    result = world.run_code(
        "from opentelemetry import trace"
        "\nfrom opentelemetry.sdk.trace import TracerProvider"
        "\nfrom opentelemetry.sdk.trace.export import SimpleSpanProcessor"
        "\nfrom opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter"
        "\nseen, provider = InMemorySpanExporter(), TracerProvider()"
        "\nprovider.add_span_processor(SimpleSpanProcessor(seen))"
        "\ntrace.set_tracer_provider(provider)"
        + TRACK
        + LIVE
        + "\nassert trace.get_tracer_provider() is provider"
        "\nprint(*(span.name for span in seen.get_finished_spans()), sep=', ')"
    )
    assert result.stdout.splitlines() == ["conversation_opened, turn, execute_tool look, turn"]
    assert world.transcript("live-1") == LIVED


def test_explicit_provider_is_not_made_global(world: World) -> None:
    """A provider given to `configure` is used, and no global one is set."""
    world.run_code(
        "from opentelemetry import trace"
        "\nfrom opentelemetry.sdk.trace import TracerProvider"
        "\nimport agentsight_otel"
        "\nagentsight_otel.configure(tracer_provider=TracerProvider())"
        + TRACK
        + LIVE
        + "\nassert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)"
    )
    assert world.transcript("live-1") == LIVED


def test_placeholder_provider_given(world: World) -> None:
    """`configure(tracer_provider=get_tracer_provider())` before any is set makes one, and it works."""
    world.run_code(
        "from opentelemetry import trace"
        "\nimport agentsight_otel"
        "\nagentsight_otel.configure(tracer_provider=trace.get_tracer_provider())" + LIVE
    )
    assert world.transcript("live-1") == LIVED


def test_another_tracker_keeps_to_its_own_key(world: World) -> None:
    """What a tracker with a key of its own sends does not reach the agent of the process's key."""
    _, other, other_read = world.server.add_agent("other")
    world.run_code(
        "import os, agentsight_otel as a"
        "\na.configure()"
        "\ntracker = a.ConversationTracker(api_key=os.environ['OTHER_KEY'])"
        "\ntracker.get_or_create_conversation('private-1')"
        "\ntracker.track_human_message('For the other agent only')"
        "\nassert tracker.send_tracked_data()['delivered']"
        "\nassert a.force_flush()",
        OTHER_KEY=other,
    )
    theirs = AgentSightAPI(api_key=other_read, endpoint=world.server.url)
    assert [row["conversation_id"] for row in theirs.iter_conversations()] == ["private-1"]
    assert world.conversations() == []


@pytest.fixture
def service() -> Iterator[Service]:
    """Serve a local AgentSight with its OTLP routes, as `agentsight-otel serve` does."""
    running = serve(port=0)
    running.start()
    yield running
    running.stop()


def test_delivery_by_otlp(world: World, service: Service) -> None:
    """With `AGENTSIGHT_DELIVER=0` the process only makes spans; a stock OTLP exporter takes them along."""
    assert service.api_key is not None
    world.run_code(
        "import os"
        "\nfrom opentelemetry import trace"
        "\nfrom opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter"
        "\nfrom opentelemetry.sdk.trace import TracerProvider"
        "\nfrom opentelemetry.sdk.trace.export import BatchSpanProcessor"
        "\nprovider = TracerProvider()"
        "\nprovider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))"
        "\ntrace.set_tracer_provider(provider)"
        + TRACK.replace("assert ", "").replace('["delivered"]', "")
        + LIVE
        + "\nprovider.shutdown()",
        AGENTSIGHT_DELIVER="0",
        OTEL_EXPORTER_OTLP_ENDPOINT=service.url,
        OTEL_EXPORTER_OTLP_HEADERS=f"authorization=Bearer%20{service.api_key}",
    )
    assert world.server.requests == []
    there = World(world.server, world.models, world.folder)
    there.api = AgentSightAPI(api_key=service.api_key, endpoint=service.url)
    wanted = {"live-1": LIVED, "tracked-1": [("end_user", "Hi"), ("agent", "Yes?")]}
    deadline = time.monotonic() + 60
    while (found := {name: there.transcript(name) for name in there.conversations()}) != wanted:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def test_singletons_are_made_once(world: World) -> None:
    """Threads that ask for the tracker at the same moment get the same one."""
    world.run_code(
        "import sys, threading, agentsight_otel"
        "\nsys.setswitchinterval(1e-6)"
        "\nbarrier, found = threading.Barrier(16), []"
        "\ndef look():"
        "\n    barrier.wait()"
        "\n    found.append(agentsight_otel.conversation_tracker)"
        "\nthreads = [threading.Thread(target=look) for _ in range(16)]"
        "\nfor thread in threads: thread.start()"
        "\nfor thread in threads: thread.join()"
        "\nassert len(found) == 16 and len(set(map(id, found))) == 1"
    )


def test_a_processor_that_comes_later_sees_what_is_tracked_then(world: World) -> None:
    """On a provider of ours, tracked spans are started only once somebody else looks."""
    world.run_code(
        TRACK
        + """
from opentelemetry import trace
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from agentsight_otel.pipeline.state import PIPELINE

assert not PIPELINE.heard()
seen = InMemorySpanExporter()
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(seen))
assert PIPELINE.heard()
tracker.track_human_message("And now?")
assert tracker.send_tracked_data()["delivered"]
(span,) = seen.get_finished_spans()
assert [event.attributes["agentsight.message.content"] for event in span.events] == ["And now?"]
"""
    )
    assert [text for _, text in world.transcript("tracked-1")] == ["Hi", "Yes?", "And now?"]

"""`instrument()` with two instrumentors of one library, found by their entry points; processors by hand."""

from __future__ import annotations

import pytest
from world import TOKENS, WHOLE, World

SECOND = '''
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor

class SecondInstrumentor(BaseInstrumentor):
    """Says so when it is switched on or off, and records nothing."""

    def instrumentation_dependencies(self):
        return ()

    def _instrument(self, **kwargs):
        print("second on")

    def _uninstrument(self, **kwargs):
        print("second off")
'''
METADATA = """\
Metadata-Version: 2.1
Name: second-instrumentation-openai
Version: 1.0
Project-URL: Repository, https://github.com/traceloop/openllmetry/tree/main/packages/second
"""
TALK = """
import agentsight_otel as a
from agent import QUESTIONS, Agent
a.configure()
{switch_on}
with a.conversation("chat-1"):
    agent = Agent()
    for question in QUESTIONS:
        agent.say(question)
assert a.force_flush()
"""
BY_HAND = """
from openinference.instrumentation.openai import OpenAIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from agent import QUESTIONS, Agent
from agentsight_otel.tracking import ConversationSpanProcessor, conversation
from agentsight_otel.exporters import AgentSightSpanExporter
provider = TracerProvider()
provider.add_span_processor(ConversationSpanProcessor())
provider.add_span_processor(BatchSpanProcessor(AgentSightSpanExporter()))
OpenAIInstrumentor().instrument(tracer_provider=provider)
agent = Agent()
with conversation("chat-1", customer_id="ada", metadata={"plan": "gold"}):
    for question in QUESTIONS:
        agent.say(question)
provider.shutdown()
"""


@pytest.fixture
def crowded(world: World) -> World:
    """Install a second instrumentor for OpenAI's client, as a distribution of its own."""
    about = world.folder / "second_instrumentation_openai-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(METADATA)
    (about / "entry_points.txt").write_text(
        "[opentelemetry_instrumentor]\nopenai = second_instrumentation:SecondInstrumentor\n"
    )
    (world.folder / "second_instrumentation.py").write_text(SECOND)
    world.env["PYTHONPATH"] += f":{world.folder}"
    return world


@pytest.mark.parametrize(
    ("switch_on", "said", "seen"),
    [
        ("assert a.instrument() == {'openai': 'openinference'}", 0, True),
        ("a.instrument(); a.instrument()", 0, True),
        ("assert a.instrument(prefer=('traceloop', 'openinference')) == {'openai': 'traceloop'}", 1, False),
        ("assert a.instrument(prefer=('traceloop',)) == {'openai': 'traceloop'}", 1, False),
        ("assert a.instrument(skip=('openai',)) == {}", 0, False),
    ],
    ids=["the first family", "twice", "preferred", "only", "skipped"],
)
def test_one_instrumentor_for_each_library(crowded: World, switch_on: str, said: int, seen: bool) -> None:
    """Of two instrumentors for one library exactly one is switched on, and its calls are recorded once."""
    result = crowded.run_code(TALK.format(switch_on=switch_on))
    assert result.stdout.count("second on") == said
    assert crowded.conversations() == (["chat-1"] if seen else [])
    assert crowded.tokens() == (TOKENS if seen else (0, 0))
    if seen:
        assert crowded.transcript("chat-1") == WHOLE


def test_processor_and_exporter_by_hand(world: World) -> None:
    """`ConversationSpanProcessor` names the conversation on a provider that nothing else of ours is on."""
    world.run_code(BY_HAND)
    assert world.transcript("chat-1") == WHOLE
    found = world.api.fetch_conversation("chat-1")
    assert (found["customer_id"], found["metadata"]) == ("ada", {"plan": "gold"})

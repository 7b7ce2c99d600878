"""The package as a user writes it; mypy checks this file, nothing runs it."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, assert_type

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import agentsight_otel
from agentsight_otel import (
    AgentSightAPI,
    ConversationManager,
    ConversationTracker,
    FlushResult,
    Stats,
    agentsight_api,
    conversation,
    conversation_manager,
    conversation_tracker,
    tool,
    turn,
    wrap,
)
from agentsight_otel.exporters import AgentSightSpanExporter, FileSpanExporter
from agentsight_otel.helpers import generate_conversation_id
from agentsight_otel.testing import LocalServer
from agentsight_otel.tracking import ConversationSpanProcessor

assert_type(conversation_tracker, ConversationTracker)
assert_type(conversation_manager, ConversationManager)
assert_type(agentsight_api, AgentSightAPI)

conversation_tracker.track_human_message("hello", metadata={"anything": object()})
conversation_tracker.track_human_message("look", [{"data": b"bytes", "filename": "a.txt"}], "form_data")
with conversation_tracker.track_action("search", tools_used={"query": "x"}) as action:
    action.response = {"found": 3}
assert_type(conversation_tracker.send_tracked_data(), dict[str, Any])

agentsight_otel.configure(environment="development", mask=str.upper)
assert_type(agentsight_otel.force_flush(5.0), FlushResult)
assert_type(agentsight_otel.stats(), Stats)
assert_type(agentsight_otel.instrument(), dict[str, str])
assert_type(generate_conversation_id(), str)

provider = TracerProvider()
provider.add_span_processor(ConversationSpanProcessor())
provider.add_span_processor(BatchSpanProcessor(AgentSightSpanExporter(timeout=3.0)))
provider.add_span_processor(BatchSpanProcessor(FileSpanExporter("payloads")))


@tool
def add(left: int, right: int) -> int:
    """Decorated functions keep their types."""
    return left + right


assert_type(wrap(iter(["a", "b"])), Iterator[str])


@turn(id_from="session", infer=True)
def answer(question: str, session: str) -> str:
    """Decorated functions keep their types."""
    return question + session


@turn
def stream() -> Iterator[str]:
    """Generators too."""
    yield "word"


@conversation()
async def astream() -> AsyncIterator[str]:
    """And asynchronous ones."""
    yield "word"


assert_type(add(1, 2), int)
assert_type(answer("a", "b"), str)
assert_type(stream(), Iterator[str])
assert_type(astream(), AsyncIterator[str])

with LocalServer() as server:
    assert_type(server.env(), dict[str, str])

from __future__ import annotations

import pytest
from translation_spans import S, record

from agentsight_otel.translation.relevance import is_relevant


@pytest.mark.parametrize(
    "span",
    [
        S("turn", {"agentsight.span.kind": "turn"}),
        S("GET /x", {"agentsight.conversation.id": "c"}),
        S("chat", {"gen_ai.operation.name": "chat"}),
        S("x", {"llm.model_name": "m"}),
        S("x", {"openinference.span.kind": "LLM"}),
        S("x", {"traceloop.span.kind": "tool"}),
        S("x", {"ai.operationId": "ai.generateText"}),
        S("x", {"span.type": "interaction"}),
        S("invocation", scope="gcp.vertex.agent"),
        S("user_turn", scope="livekit-agents"),
        S("x", events=[("gen_ai.choice", {"message": "hi"})]),
        S("x", {"annotations.0.annotation.name": "helpful"}),
    ],
    ids=lambda span: f"{span.name}-{next(iter(span.attributes), span.scope)}",
)
def test_agent_spans_are_relevant(span: S) -> None:
    """Ours, GenAI instrumentation's, or stamped with a conversation."""
    assert is_relevant(record(span)[0])


@pytest.mark.parametrize(
    "span",
    [
        S("GET /", {"http.method": "GET", "session.id": "browser", "user.id": "u"}),
        S("SELECT", {"db.system": "postgresql"}, scope="opentelemetry.instrumentation.psycopg"),
        S("work", {"aid": 1, "llm": "x", "tools": "y"}),
    ],
    ids=lambda span: span.name,
)
def test_other_spans_are_not(span: S) -> None:
    """The host's own traffic stays at home."""
    assert not is_relevant(record(span)[0])

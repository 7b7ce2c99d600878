"""Which spans belong to an agent or a conversation: a cheap look at names, no parsing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from agentsight_otel.translation.span_data import SpanData


class Named(Protocol):
    """An event, converted or not."""

    @property
    def name(self) -> str:
        """What it is called."""


PREFIXES = (
    "agentsight.",
    "gen_ai.",
    "llm.",
    "openinference.",
    "traceloop.",
    "ai.",
    "langfuse.",
    "langsmith.",
    "mlflow.",
    "pydantic_ai.",
    "gcp.vertex.agent.",
    "lk.",
    "anthropic.",
    "copilot_chat.",
    "microsoft.session.",
    "microsoft.conversation.",
    "voltagent.",
    "lmnr.",
    "genkit:",
    "flue.",
    "executor.",
    "workflow.",
    "tool.name",
    "tool_arguments",
    "annotations.",
    "evaluations.",
    "trace.annotations.",
    "session.annotations.",
)
"""A span with an attribute that starts like one of these is about an agent."""

SCOPES = (
    "pydantic-ai",
    "gcp.vertex.agent",
    "strands",
    "livekit",
    "pipecat",
    "com.anthropic",
    "agent_framework",
    "langfuse",
    "langsmith",
    "openinference.",
    "opentelemetry.instrumentation.genai",
    "opentelemetry.instrumentation.openai",
)
"""So is one from a scope that starts like one of these."""

EVENT_PREFIX = "gen_ai."


def is_relevant(span: SpanData) -> bool:
    """Say whether a span is one of ours, GenAI instrumentation's, or stamped with a conversation."""
    return concerns_agents(span.attributes, span.scope.name, span.events)


def concerns_agents(attributes: Iterable[str], scope: str, events: Iterable[Named]) -> bool:
    """Say the same of a span that is not converted yet, by what it is made of."""
    for key in attributes:
        if key.startswith(PREFIXES) or key == "span.type":
            return True
    if scope.startswith(SCOPES):
        return True
    return any(event.name.startswith(EVENT_PREFIX) for event in events)

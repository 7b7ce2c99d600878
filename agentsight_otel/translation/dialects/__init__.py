"""One file per convention, and the index they are compiled into."""

from __future__ import annotations

from functools import lru_cache

from agentsight_otel.translation.dialects.agent_framework import AGENT_FRAMEWORK
from agentsight_otel.translation.dialects.agentsight import AGENTSIGHT
from agentsight_otel.translation.dialects.base import Dialect, Kind, Walk
from agentsight_otel.translation.dialects.bedrock import BEDROCK
from agentsight_otel.translation.dialects.claude_code import CLAUDE_CODE
from agentsight_otel.translation.dialects.crewai import CREWAI
from agentsight_otel.translation.dialects.flue import FLUE
from agentsight_otel.translation.dialects.genkit import GENKIT
from agentsight_otel.translation.dialects.google_adk import GOOGLE_ADK
from agentsight_otel.translation.dialects.google_genai import GOOGLE_GENAI
from agentsight_otel.translation.dialects.index import Index
from agentsight_otel.translation.dialects.laminar import LAMINAR
from agentsight_otel.translation.dialects.langfuse import LANGFUSE
from agentsight_otel.translation.dialects.langsmith import LANGSMITH
from agentsight_otel.translation.dialects.livekit import LIVEKIT
from agentsight_otel.translation.dialects.llama_index import LLAMA_INDEX
from agentsight_otel.translation.dialects.logfire import LOGFIRE
from agentsight_otel.translation.dialects.mastra import MASTRA
from agentsight_otel.translation.dialects.mlflow import MLFLOW, MLFLOW_SPANS
from agentsight_otel.translation.dialects.openai_agents import OPENAI_AGENTS
from agentsight_otel.translation.dialects.openinference import OPENINFERENCE
from agentsight_otel.translation.dialects.otel_genai import OTEL_GENAI
from agentsight_otel.translation.dialects.others import LOONGSUITE, MCP, OTHERS
from agentsight_otel.translation.dialects.pipecat import PIPECAT
from agentsight_otel.translation.dialects.pydantic_ai import PYDANTIC_AI
from agentsight_otel.translation.dialects.smolagents import SMOLAGENTS
from agentsight_otel.translation.dialects.strands import STRANDS
from agentsight_otel.translation.dialects.traceloop import OLLAMA, TRACELOOP
from agentsight_otel.translation.dialects.vercel_ai import VERCEL_AI
from agentsight_otel.translation.dialects.voltagent import VOLTAGENT
from agentsight_otel.translation.span_data import SpanData

__all__ = ["CONVERSATION_KEYS", "DIALECTS", "KIND_ORDER", "Dialect", "Kind", "Walk", "walk"]

DIALECTS: tuple[Dialect, ...] = (
    AGENTSIGHT,
    OTEL_GENAI,
    LANGFUSE,
    CREWAI,
    LLAMA_INDEX,
    SMOLAGENTS,
    GOOGLE_GENAI,
    OPENINFERENCE,
    LOONGSUITE,
    TRACELOOP,
    LANGSMITH,
    VERCEL_AI,
    PIPECAT,
    GOOGLE_ADK,
    LIVEKIT,
    CLAUDE_CODE,
    PYDANTIC_AI,
    OPENAI_AGENTS,
    STRANDS,
    AGENT_FRAMEWORK,
    LAMINAR,
    GENKIT,
    FLUE,
    VOLTAGENT,
    OTHERS,
    MCP,
    MLFLOW,
    MLFLOW_SPANS,
    LOGFIRE,
    BEDROCK,
    OLLAMA,
    MASTRA,
)
"""In order of precedence: where two name the same field, the earlier one wins."""

KIND_ORDER = (
    "openinference",
    "otel_genai",
    "langfuse",
    "traceloop",
    "claude_code",
    "vercel_ai",
    "langsmith",
    "mlflow",
    "laminar",
    "genkit",
)
"""Whose word on the kind of a span counts first."""


def walk(span: SpanData) -> Walk:
    """Read a span by every dialect that holds for its scope."""
    return _index(span.scope.name).walk(span)


@lru_cache(maxsize=256)
def _index(scope: str) -> Index:
    return _compiled(tuple(d.name for d in DIALECTS if not d.scopes or scope.startswith(d.scopes)))


@lru_cache(maxsize=64)
def _compiled(names: tuple[str, ...]) -> Index:
    return Index(tuple(d for d in DIALECTS if d.name in names), KIND_ORDER)


CONVERSATION_KEYS = tuple(key for dialect in DIALECTS for key in dialect.conversation)
"""Every attribute that may name a conversation, in order of precedence."""

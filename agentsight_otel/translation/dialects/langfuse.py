"""Langfuse SDK 3 to 5.

Reference: langfuse/langfuse of 2026-08-22, packages/shared/src/server/otel/attributes.ts; langfuse 5 (PyPI).
"""

from agentsight_otel.translation.dialects.base import Dialect, Kind

_KINDS = {
    "generation": Kind.LLM,
    "agent": Kind.AGENT,
    "chain": Kind.CHAIN,
    "span": Kind.CHAIN,
    "tool": Kind.TOOL,
    "retriever": Kind.RETRIEVAL,
    "embedding": Kind.EMBEDDING,
    "evaluator": Kind.EVALUATOR,
    "guardrail": Kind.OTHER,
    "event": Kind.OTHER,
}

LANGFUSE = Dialect(
    name="langfuse",
    kinds=(("langfuse.observation.type", _KINDS),),
    conversation=("langfuse.session.id",),
    customer=("langfuse.user.id",),
    request_model=("langfuse.observation.model.name",),
    input_value=("langfuse.observation.input", "langfuse.trace.input"),
    output_value=("langfuse.observation.output", "langfuse.trace.output"),
    tool_arguments=("langfuse.observation.input",),
    tool_result=("langfuse.observation.output",),
    outcome=("langfuse.observation.level",),
    error_message=("langfuse.observation.status_message",),
    usage_json=("langfuse.observation.usage_details",),
    tags=("langfuse.trace.tags", "langfuse.tags"),
    metadata_json=("langfuse.trace.metadata", "langfuse.observation.metadata"),
    metadata_prefixes=("langfuse.trace.metadata.", "langfuse.observation.metadata."),
)

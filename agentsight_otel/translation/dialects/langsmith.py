"""LangSmith SDK's OpenTelemetry export.

Reference: langsmith 0.15, langsmith/_internal/otel/_otel_exporter.py. ``langsmith.trace.session_id`` names a
project and is no conversation.
"""

from agentsight_otel.translation.dialects.base import Dialect, Kind

_KINDS = {
    "llm": Kind.LLM,
    "chain": Kind.CHAIN,
    "agent": Kind.AGENT,
    "tool": Kind.TOOL,
    "retriever": Kind.RETRIEVAL,
    "embedding": Kind.EMBEDDING,
    "prompt": Kind.OTHER,
    "parser": Kind.OTHER,
}
_METADATA = "langsmith.metadata."

LANGSMITH = Dialect(
    name="langsmith",
    kinds=(("langsmith.span.kind", _KINDS),),
    conversation=tuple(_METADATA + key for key in ("session_id", "conversation_id", "thread_id")),
    customer=(_METADATA + "user_id",),
    input_value=("gen_ai.prompt",),
    output_value=("gen_ai.completion",),
    tool_arguments=("gen_ai.prompt",),
    tool_result=("gen_ai.completion",),
    usage_json=(_METADATA + "usage_metadata",),
    tags=("langsmith.span.tags",),
    metadata_prefixes=(_METADATA,),
)

"""OpenLLMetry (Traceloop), the flattened prompts up to 0.54 and the parts schema since 0.55.

Reference: traceloop/openllmetry of 2026-06-28, opentelemetry-semantic-conventions-ai 0.5.1,
traceloop-sdk 0.62.4, opentelemetry-instrumentation-ollama 0.62.4.
"""

from agentsight_otel.translation.dialects.base import Dialect, Kind

_KINDS = {
    "workflow": Kind.CHAIN,
    "task": Kind.CHAIN,
    "agent": Kind.AGENT,
    "tool": Kind.TOOL,
    "handoff": Kind.OTHER,
}
_REQUESTS = {
    "chat": Kind.LLM,
    "completion": Kind.LLM,
    "embedding": Kind.EMBEDDING,
    "rerank": Kind.RETRIEVAL,
}
_PROPERTIES = "traceloop.association.properties."

OLLAMA = Dialect(name="ollama", scopes=("opentelemetry.instrumentation.ollama",), asks_later=True)

TRACELOOP = Dialect(
    name="traceloop",
    kinds=(("traceloop.span.kind", _KINDS), ("llm.request.type", _REQUESTS)),
    presence=(
        ("gen_ai.prompt.0.role", Kind.LLM),
        ("gen_ai.prompt.0.content", Kind.LLM),
        ("gen_ai.completion.0.content", Kind.LLM),
    ),
    conversation=tuple(
        _PROPERTIES + key for key in ("conversation_id", "session_id", "thread_id", "chat_id")
    ),
    customer=(_PROPERTIES + "user_id",),
    agent_name=(),
    streaming=("gen_ai.is_streaming", "llm.is_streaming"),
    input_value=("traceloop.entity.input",),
    output_value=("traceloop.entity.output",),
    tool_name=("traceloop.entity.name",),
    tool_arguments=("traceloop.entity.input",),
    tool_result=("traceloop.entity.output",),
    cache_read_tokens=("llm.usage.cache_read_input_tokens",),
    metadata_prefixes=(_PROPERTIES,),
    message_prefixes=(
        ("gen_ai.prompt.", "input_messages"),
        ("gen_ai.completion.", "output_messages"),
        ("llm.prompts.", "input_messages"),
        ("llm.completions.", "output_messages"),
    ),
)

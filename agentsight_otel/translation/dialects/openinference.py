"""OpenInference (Arize).

Reference: openinference-semantic-conventions 0.1.42; Arize-ai/openinference, spec/semantic_conventions.md
and spec/annotations.md of 2026-08-21.
"""

from agentsight_otel.translation.dialects.base import Dialect, Kind

_KINDS = {
    "llm": Kind.LLM,
    "agent": Kind.AGENT,
    "chain": Kind.CHAIN,
    "tool": Kind.TOOL,
    "retriever": Kind.RETRIEVAL,
    "reranker": Kind.RETRIEVAL,
    "embedding": Kind.EMBEDDING,
    "evaluator": Kind.EVALUATOR,
    "guardrail": Kind.OTHER,
    "prompt": Kind.OTHER,
    "decision": Kind.OTHER,
    "unknown": Kind.CHAIN,
}

OPENINFERENCE = Dialect(
    name="openinference",
    kinds=(("openinference.span.kind", _KINDS),),
    presence=(
        ("llm.model_name", Kind.LLM),
        ("tool.id", Kind.TOOL),
    ),
    conversation=("session.id",),
    agent_name=("agent.name",),
    response_id=("llm.response.id",),
    provider=("llm.provider", "llm.system"),
    request_model=("llm.model_name", "llm.request.model_name", "embedding.model_name"),
    response_model=("llm.response.model_name",),
    input_value=("input.value",),
    output_value=("output.value",),
    tool_name=("tool.name",),
    tool_call_id=("tool.id", "tool_call.id"),
    tool_arguments=("input.value", "tool.parameters"),
    tool_result=("output.value",),
    finish_reasons=("llm.finish_reason",),
    input_tokens=("llm.token_count.prompt",),
    output_tokens=("llm.token_count.completion",),
    cache_read_tokens=(
        "llm.token_count.prompt_details.cache_read",
        "llm.token_count.prompt_details.cache_input",
    ),
    cache_write_tokens=("llm.token_count.prompt_details.cache_write",),
    reasoning_tokens=("llm.token_count.completion_details.reasoning",),
    audio_input_tokens=("llm.token_count.prompt_details.audio",),
    audio_output_tokens=("llm.token_count.completion_details.audio",),
    tags=("tag.tags",),
    metadata_json=("metadata",),
    message_prefixes=(
        ("llm.input_messages.", "input_messages"),
        ("llm.output_messages.", "output_messages"),
        ("llm.prompts.", "input_messages"),
        ("llm.choices.", "output_messages"),
        ("input.images.", "input_media"),
        ("input.documents.", "input_media"),
        ("output.images.", "output_media"),
        ("output.documents.", "output_media"),
    ),
    annotation_prefixes=(
        "annotations.",
        "evaluations.",
        "trace.annotations.",
        "trace.evaluations.",
        "session.annotations.",
        "session.evaluations.",
    ),
)

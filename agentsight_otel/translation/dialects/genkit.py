"""Firebase Genkit: an action's input and output as JSON, its kind as a subtype.

Reference: genkit's table of span attributes (genkit:input, genkit:output, genkit:metadata:subtype) and the
messages of its model actions; langfuse/langfuse of 2026-08-22, OtelIngestionProcessor.ts.
"""

from agentsight_otel.translation.dialects.base import Dialect, Kind

_KINDS = {
    "model": Kind.LLM,
    "background-model": Kind.LLM,
    "tool": Kind.TOOL,
    "tool.v2": Kind.TOOL,
    "agent": Kind.AGENT,
    "flow": Kind.CHAIN,
    "util": Kind.CHAIN,
    "embedder": Kind.EMBEDDING,
    "retriever": Kind.RETRIEVAL,
    "reranker": Kind.RETRIEVAL,
    "evaluator": Kind.EVALUATOR,
}

GENKIT = Dialect(
    name="genkit",
    kinds=(("genkit:metadata:subtype", _KINDS),),
    conversation=("genkit:sessionId",),
    request_model=("genkit:name",),
    input_value=("genkit:input",),
    output_value=("genkit:output",),
    tool_name=("genkit:name",),
    tool_arguments=("genkit:input",),
    tool_result=("genkit:output",),
    usage_json=("genkit:output",),
)

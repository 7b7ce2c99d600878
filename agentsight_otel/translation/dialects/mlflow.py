"""MLflow tracing, as its OTLP export writes it.

Reference: mlflow-skinny 3.17.2, mlflow/tracing/constant.py.
"""

from agentsight_otel.translation.dialects.base import Dialect, Kind

_NAMES = {
    "llm": Kind.LLM,
    "chat_model": Kind.LLM,
    "agent": Kind.AGENT,
    "chain": Kind.CHAIN,
    "workflow": Kind.CHAIN,
    "task": Kind.CHAIN,
    "tool": Kind.TOOL,
    "retriever": Kind.RETRIEVAL,
    "reranker": Kind.RETRIEVAL,
    "embedding": Kind.EMBEDDING,
    "evaluator": Kind.EVALUATOR,
    "parser": Kind.OTHER,
    "guardrail": Kind.OTHER,
    "memory": Kind.OTHER,
    "unknown": Kind.CHAIN,
}
# The attribute is written as JSON: a text in quotes.
_KINDS = {**_NAMES, **{f'"{name}"': kind for name, kind in _NAMES.items()}}

MLFLOW_SPANS = Dialect(name="mlflow_spans", scopes=("mlflow",), json_texts=True)

MLFLOW = Dialect(
    name="mlflow",
    kinds=(("mlflow.spanType", _KINDS),),
    conversation=("mlflow.trace.session",),
    customer=("mlflow.trace.user",),
    input_value=("mlflow.spanInputs",),
    output_value=("mlflow.spanOutputs",),
    tool_arguments=("mlflow.spanInputs",),
    tool_result=("mlflow.spanOutputs",),
    request_model=("mlflow.llm.model",),
    usage_json=("mlflow.chat.tokenUsage",),
    metadata_prefixes=("mlflow.traceTag.",),
)

"""Laminar's SDK: its own kinds and values beside otel_genai's names.

Reference: mlflow-skinny 3.17.2, mlflow/tracing/otel/translation/laminar.py; lmnr (association properties).
"""

from agentsight_otel.translation.dialects.base import Dialect, Kind

_KINDS = {
    "llm": Kind.LLM,
    "cached": Kind.LLM,
    "tool": Kind.TOOL,
    "default": Kind.CHAIN,
    "pipeline": Kind.CHAIN,
    "executor": Kind.AGENT,
    "evaluator": Kind.EVALUATOR,
    "human_evaluator": Kind.EVALUATOR,
    "evaluation": Kind.EVALUATOR,
}
_PROPERTIES = "lmnr.association.properties."

LAMINAR = Dialect(
    name="laminar",
    kinds=(("lmnr.span.type", _KINDS),),
    conversation=(_PROPERTIES + "session_id",),
    customer=(_PROPERTIES + "user_id",),
    input_value=("lmnr.span.input",),
    output_value=("lmnr.span.output",),
    tool_arguments=("lmnr.span.input",),
    tool_result=("lmnr.span.output",),
    tags=(_PROPERTIES + "tags",),
    metadata_prefixes=(_PROPERTIES + "metadata.",),
)

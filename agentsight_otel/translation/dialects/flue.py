"""Flue: a model call's messages as JSON beside otel_genai's names, and spans of its own for the rest.

Reference: @flue/opentelemetry, as its spans are described by those who read them.
"""

from agentsight_otel.translation.dialects.base import Dialect, Kind

FLUE = Dialect(
    name="flue",
    presence=(
        ("flue.tool.name", Kind.TOOL),
        ("flue.task.id", Kind.AGENT),
        ("flue.operation.id", Kind.CHAIN),
        ("flue.workflow.payload", Kind.CHAIN),
    ),
    input_messages=("flue.turn.input",),
    output_messages=("flue.turn.output",),
    input_value=("flue.task.prompt", "flue.workflow.payload"),
    output_value=("flue.task.result", "flue.operation.result", "flue.workflow.result"),
    tool_name=("flue.tool.name",),
    tool_call_id=("flue.tool.call_id",),
    tool_arguments=("flue.tool.arguments",),
    tool_result=("flue.tool.result",),
)

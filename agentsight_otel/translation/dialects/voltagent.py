"""VoltAgent: chat messages under names of its own; only spans below the agent's name their kind.

Reference: mlflow-skinny 3.17.2, mlflow/tracing/otel/translation/voltagent.py.
"""

from agentsight_otel.translation.dialects.base import Dialect, Kind

_KINDS = {"agent": Kind.AGENT, "llm": Kind.LLM, "tool": Kind.TOOL, "memory": Kind.OTHER}

VOLTAGENT = Dialect(
    name="voltagent",
    scopes=("@voltagent/", "voltagent"),
    kinds=(("span.type", _KINDS), ("entity.type", _KINDS)),
    conversation=("voltagent.conversation_id",),
    input_messages=("agent.messages", "llm.messages"),
    input_value=("input",),
    output_value=("output",),
    tool_arguments=("input",),
    tool_result=("output",),
    request_model=("ai.model.name",),
    input_tokens=("usage.prompt_tokens", "llm.usage.prompt_tokens"),
    output_tokens=("usage.completion_tokens", "llm.usage.completion_tokens"),
)

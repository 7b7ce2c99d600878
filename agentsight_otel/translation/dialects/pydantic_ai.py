"""Pydantic AI and Logfire, instrumentation versions 1 to 4.

Reference: pydantic-ai-slim 2.68.0, pydantic_ai/_instrumentation.py and models/instrumented.py.
"""

from agentsight_otel.translation.dialects.base import Dialect, Kind

PYDANTIC_AI = Dialect(
    name="pydantic_ai",
    scopes=("pydantic-ai", "logfire"),
    answer_tools=("final_result",),
    span_names={
        "agent run": Kind.AGENT,
        "running tool": Kind.TOOL,
        "running tools": Kind.OTHER,
        "running output function": Kind.OTHER,
    },
    presence=(("pydantic_ai.all_messages", Kind.AGENT), ("all_messages_events", Kind.AGENT)),
    agent_name=("agent_name",),
    history=("pydantic_ai.all_messages", "all_messages_events"),
    new_message_index=("pydantic_ai.new_message_index",),
    event_list=("events",),
    reply_text=("final_result",),
    tool_arguments=("tool_arguments",),
    tool_result=("tool_response",),
    input_tokens=("gen_ai.aggregated_usage.input_tokens",),
    output_tokens=("gen_ai.aggregated_usage.output_tokens",),
    cache_read_tokens=("gen_ai.aggregated_usage.cache_read.input_tokens",),
)

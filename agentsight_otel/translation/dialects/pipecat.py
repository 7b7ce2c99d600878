"""Pipecat: one trace for a whole call, a span for each turn.

Reference: pipecat-ai 1.14, pipecat/utils/tracing/service_attributes.py and turn_trace_observer.py.
"""

from agentsight_otel.translation.dialects.base import Dialect, Kind

PIPECAT = Dialect(
    name="pipecat",
    scopes=("pipecat",),
    span_names={
        "conversation": Kind.CHAIN,
        "turn": Kind.TURN,
        "llm": Kind.LLM,
        "stt": Kind.OTHER,
        "tts": Kind.OTHER,
        "llm_tool_call": Kind.TOOL,
        "llm_tool_result": Kind.OTHER,
    },
    conversation=("conversation.id",),
    customer=("user_id",),
    input_messages=("input",),
    reply_text=("output",),
    user_text=("transcript",),
    tool_name=("tool.function_name",),
    tool_call_id=("tool.call_id",),
    tool_arguments=("tool.arguments",),
    tool_result=("tool.result",),
    interrupted=("turn.was_interrupted",),
)

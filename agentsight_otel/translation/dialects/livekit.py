"""LiveKit Agents 1.x (``lk.*``) and 2.x (``lk.pii.*``).

Reference: livekit-agents 1.8.9 and 2.0.0b1, livekit/agents/telemetry/trace_types.py and input_delta.py.
"""

from agentsight_otel.translation.dialects.base import Dialect, Kind

LIVEKIT = Dialect(
    name="livekit",
    scopes=("livekit",),
    span_names={
        "user_turn": Kind.TURN,
        "agent_turn": Kind.TURN,
        "llm_request": Kind.LLM,
        "function_tool": Kind.TOOL,
        "llm_node": Kind.CHAIN,
        "start_agent_activity": Kind.CHAIN,
    },
    conversation=("lk.room_sid", "lk.pii.room_name", "lk.room_name"),
    customer=("lk.pii.participant_identity", "lk.participant_identity"),
    input_messages=("lk.pii.chat_ctx", "lk.chat_ctx"),
    user_text=("lk.pii.user_transcript", "lk.user_transcript", "lk.pii.user_input", "lk.user_input"),
    reply_text=("lk.pii.response.text", "lk.response.text"),
    tool_name=("lk.pii.function_tool.name", "lk.function_tool.name"),
    tool_call_id=("lk.function_tool.id",),
    tool_arguments=("lk.pii.function_tool.arguments", "lk.function_tool.arguments"),
    tool_result=("lk.pii.function_tool.output", "lk.function_tool.output"),
    tool_failed=("lk.function_tool.is_error",),
    delta=("lk.input.delta",),
    interrupted=("lk.interrupted",),
    ignored_names=("agent_session",),  # it only holds the turns, but calls itself a workflow
)

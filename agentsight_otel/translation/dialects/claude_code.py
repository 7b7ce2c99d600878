"""Claude Code and the Claude Agent SDK's command line.

Reference: code.claude.com/docs/en/monitoring-usage and /hooks (a sub-agent's report); mlflow-skinny 3.17.2,
mlflow/tracing/otel/translation/claude_code.py; recordings. Not read from its source, which is closed.
"""

from agentsight_otel.translation.dialects.base import Dialect, Kind

_NAMES = {
    "claude_code.interaction": Kind.TURN,
    "claude_code.llm_request": Kind.LLM,
    "claude_code.tool": Kind.TOOL,
    "claude_code.tool.execution": Kind.TOOL,  # under the tool's span, with the failure
    "claude_code.tool.blocked_on_user": Kind.OTHER,
    "claude_code.hook": Kind.OTHER,
}

CLAUDE_CODE = Dialect(
    name="claude_code",
    scopes=("com.anthropic.claude_code",),
    kinds=(
        (
            "span.type",
            {**_NAMES, **{name.removeprefix("claude_code."): kind for name, kind in _NAMES.items()}},
        ),
    ),
    span_names=_NAMES,
    conversation=("session.id",),
    nested=("gen_ai.conversation.id",),
    sub_agent=("agent_id",),
    user_text=("user_prompt",),
    new_messages=("new_context",),
    reply_text=("response.model_output",),
    tool_name=("tool_name",),
    tool_call_id=("tool_use_id",),
    tool_arguments=("tool_input", "full_command", "file_path", "skill_name", "subagent_type"),
    headings=("[TOOL INPUT: ", "[TOOL RESULT: "),
    report=("agentId", "content", "harnessNoteCount", "harnessTailCount"),
    own_prompts=("<task-notification>",),  # a sub-agent in the background is done
    anonymous=("user.id",),  # the device's, made up at random
    request_model=("model",),
    input_tokens_without_cache=("input_tokens",),
    output_tokens=("output_tokens",),
    cache_read_tokens=("cache_read_tokens",),
    cache_write_tokens=("cache_creation_tokens",),
)

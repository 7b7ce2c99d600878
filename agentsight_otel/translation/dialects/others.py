"""Names of vendors and habits without a convention of their own.

Reference: anthropic 2.12 (native spans), Azure/azure-sdk-for-net#58003, microsoft/vscode#325207,
alibaba/loongsuite-python-agent#302, getsentry/sentry-python of 2026-08-13; mcp 2.3.0 (its own spans).
"""

from agentsight_otel.translation.dialects.base import Dialect, Kind

MCP = Dialect(
    name="mcp",
    scopes=("mcp-python-sdk",),
    # The transport of a call that the agent has a span for, or tells of in its messages.
    ignored_names=("tools/call",),
)

LOONGSUITE = Dialect(name="loongsuite", conversation=("gen_ai.session.id",))

OTHERS = Dialect(
    name="others",
    name_prefixes=(
        ("anthropic.tool_use", Kind.TOOL),
        ("anthropic.custom_tool_use", Kind.TOOL),
        ("anthropic.mcp_tool_use", Kind.TOOL),
    ),
    conversation=(
        "anthropic.session.id",
        "microsoft.session.id",
        "copilot_chat.session_id",
        "voltagent.conversation_id",
        "thread_id",
    ),
    customer=("gen_ai.user.id", "gen_ai.user", "llm.user", "user_id", "user.hash"),
    tool_result=("anthropic.tool_result.content",),
)

"""Vercel AI SDK: the ``ai.*`` names of v3 to v6, the settings of v7 (whose messages are otel_genai's).

Reference: vercel/ai of 2026-08-22, packages/ai/src/telemetry and packages/otel.
"""

from agentsight_otel.translation.dialects.base import Dialect, Kind

_ROOTS = (
    "ai.generatetext",
    "ai.streamtext",
    "ai.generateobject",
    "ai.streamobject",
    "ai.streamui",
    "ai.toolloopagent.generate",
    "ai.toolloopagent.stream",
    "ai.agent.generate",
    "ai.agent.stream",
)
_OPERATIONS = {
    **dict.fromkeys(_ROOTS, Kind.AGENT),
    **{f"{root}.{do}": Kind.LLM for root in _ROOTS for do in ("dogenerate", "dostream")},
    "ai.toolcall": Kind.TOOL,
    "ai.embed": Kind.OTHER,
    "ai.embedmany": Kind.OTHER,
    "ai.embed.doembed": Kind.EMBEDDING,
    "ai.embedmany.doembed": Kind.EMBEDDING,
    "ai.rerank": Kind.OTHER,
    "ai.rerank.dorerank": Kind.RETRIEVAL,
}
_METADATA = "ai.telemetry.metadata."
_CONTEXT = "ai.settings.context."
_SESSIONS = (
    "conversationId",
    "sessionId",
    "threadId",
    "chatId",
    "conversation_id",
    "session_id",
    "thread_id",
)
_USERS = ("userId", "user_id")

VERCEL_AI = Dialect(
    name="vercel_ai",
    kinds=(("ai.operationId", _OPERATIONS),),
    conversation=(*(_METADATA + key for key in _SESSIONS), *(_CONTEXT + key for key in _SESSIONS)),
    customer=(*(_METADATA + key for key in _USERS), *(_CONTEXT + key for key in _USERS)),
    agent_name=("ai.telemetry.functionId",),
    response_id=("ai.response.id",),
    provider=("ai.model.provider",),
    request_model=("ai.model.id",),
    response_model=("ai.response.model",),
    input_messages=("ai.prompt.messages", "ai.prompt"),
    reply_text=("ai.response.text", "ai.result.text", "ai.response.object", "ai.result.object"),
    reply_tools=("ai.response.toolCalls", "ai.result.toolCalls"),
    tool_name=("ai.toolCall.name",),
    tool_call_id=("ai.toolCall.id",),
    tool_arguments=("ai.toolCall.args", "ai.toolCall.input"),
    tool_result=("ai.toolCall.result", "ai.toolCall.output"),
    finish_reasons=("ai.response.finishReason", "ai.finishReason"),
    input_tokens=("ai.usage.inputTokens", "ai.usage.promptTokens"),
    output_tokens=("ai.usage.outputTokens", "ai.usage.completionTokens"),
    cache_read_tokens=("ai.usage.cachedInputTokens", "ai.usage.inputTokenDetails.cacheReadTokens"),
    cache_write_tokens=("ai.usage.inputTokenDetails.cacheWriteTokens",),
    reasoning_tokens=("ai.usage.reasoningTokens", "ai.usage.outputTokenDetails.reasoningTokens"),
    tags=(_METADATA + "tags",),
    metadata_prefixes=(_METADATA, _CONTEXT),
)

"""Every attribute and event name this package writes.

The GenAI names are spelled out because the constants of ``opentelemetry.semconv`` are marked as moved
and lack the newer names.
"""

from typing import Final

CONVERSATION_ID: Final = "agentsight.conversation.id"
CUSTOMER_ID: Final = "agentsight.conversation.customer_id"
CUSTOMER_IP: Final = "agentsight.conversation.customer_ip"
DEVICE: Final = "agentsight.conversation.device"
SOURCE: Final = "agentsight.conversation.source"
LANGUAGE: Final = "agentsight.conversation.language"
CONVERSATION_NAME: Final = "agentsight.conversation.name"
ENVIRONMENT: Final = "agentsight.conversation.environment"
CONVERSATION_METADATA: Final = "agentsight.conversation.metadata"
"""The conversation's metadata as a JSON string."""
CONVERSATION_FIELDS: Final = {
    "customer_id": CUSTOMER_ID,
    "customer_ip_address": CUSTOMER_IP,
    "device": DEVICE,
    "source": SOURCE,
    "language": LANGUAGE,
    "name": CONVERSATION_NAME,
    "environment": ENVIRONMENT,
    "metadata": CONVERSATION_METADATA,
}
"""What callers and the ingest contract call the fields that describe a conversation."""

SPAN_KIND: Final = "agentsight.span.kind"
"""One of the KIND_* values below."""
ENTITY_NAME: Final = "agentsight.entity.name"
METADATA: Final = "agentsight.metadata"
"""Metadata of a button, attachment, action or model call, as a JSON string."""
TIMESTAMP: Final = "agentsight.timestamp"
"""ISO 8601 place in the transcript, where it differs from the span's start."""

KIND_TURN: Final = "turn"
KIND_TOOL: Final = "tool"
KIND_TASK: Final = "task"
KIND_LLM: Final = "llm"
KIND_BUTTON: Final = "button"
KIND_ATTACHMENT: Final = "attachment"
KIND_CONVERSATION: Final = "conversation"
KIND_FEEDBACK: Final = "feedback"
"""A person's judgement. Understood by our server only; AgentSight archives it."""
KIND_EVALUATION: Final = "evaluation"
"""The judgement of a model or a program; archived."""

TURN_ID: Final = "agentsight.turn.id"
TURN_COMPLETE: Final = "agentsight.turn.complete"
TURN_INCOMPLETE_REASON: Final = "agentsight.turn.incomplete_reason"

MESSAGE_EVENT: Final = "agentsight.message"
MESSAGE_SENDER: Final = "agentsight.message.sender"
MESSAGE_CONTENT: Final = "agentsight.message.content"
MESSAGE_METADATA: Final = "agentsight.message.metadata"

TOOL_NAME: Final = "agentsight.tool.name"
TOOL_ARGUMENTS: Final = "agentsight.tool.arguments"
"""JSON string."""
TOOL_RESPONSE: Final = "agentsight.tool.response"
TOOL_ERROR: Final = "agentsight.tool.error"
TOOL_DURATION_MS: Final = "agentsight.tool.duration_ms"
"""The duration the caller stated, in milliseconds."""

LLM_REQUESTED_MODEL: Final = "agentsight.llm.requested_model"
LLM_STREAMING: Final = "agentsight.llm.streaming"
LLM_USAGE_REPORTED: Final = "agentsight.llm.usage_reported"
LLM_ERROR: Final = "agentsight.llm.error"
LLM_CACHE_READ_TOKENS: Final = "agentsight.llm.cache_read_tokens"
LLM_CACHE_WRITE_TOKENS: Final = "agentsight.llm.cache_write_tokens"
LLM_REASONING_TOKENS: Final = "agentsight.llm.reasoning_tokens"
LLM_AUDIO_INPUT_TOKENS: Final = "agentsight.llm.audio_input_tokens"
LLM_AUDIO_OUTPUT_TOKENS: Final = "agentsight.llm.audio_output_tokens"
LLM_EMBEDDING_TOKENS: Final = "agentsight.llm.embedding_tokens"
LLM_TOTAL_TOKENS: Final = "agentsight.llm.total_tokens"

BUTTON_EVENT: Final = "agentsight.button.event"
BUTTON_LABEL: Final = "agentsight.button.label"
BUTTON_VALUE: Final = "agentsight.button.value"

ATTACHMENT_SENDER: Final = "agentsight.attachment.sender"
ATTACHMENT_COUNT: Final = "agentsight.attachment.count"
ATTACHMENT_FILES: Final = "agentsight.attachment.files"
"""JSON list of ``{filename, mime_type, size}``; never the bytes."""
ATTACHMENT_MODE: Final = "agentsight.attachment.mode"

DIALECT: Final = "agentsight.dialect"
"""The convention a translated span was written in."""
CONTENT_CAPTURED: Final = "agentsight.content_captured"
"""False on a turn whose instrumentation records no texts."""
CONVERSATION_SYNTHETIC: Final = "agentsight.conversation.synthetic"
"""True on a turn whose conversation id was made from its trace id, for want of any other."""
MESSAGE_ID: Final = "agentsight.message.id"
"""Deterministic id of a translated message."""
ORIGINAL_PREFIX: Final = "agentsight.original."
"""Before the name of an original attribute whose name carries a value of ours."""

FEEDBACK_NAME: Final = "agentsight.feedback.name"
FEEDBACK_SCORE: Final = "agentsight.feedback.score"
FEEDBACK_LABEL: Final = "agentsight.feedback.label"
FEEDBACK_COMMENT: Final = "agentsight.feedback.comment"
FEEDBACK_SENTIMENT: Final = "agentsight.feedback.sentiment"
"""One of the values of `Sentiment`; absent where neither label nor score says."""
FEEDBACK_SOURCE: Final = "agentsight.feedback.source"
"""``customer`` for a person's, ``evaluation`` for a model's or a program's."""
FEEDBACK_SCOPE: Final = "agentsight.feedback.scope"
"""``message``, ``turn`` or ``conversation``."""
FEEDBACK_TARGET_SPAN_ID: Final = "agentsight.feedback.target_span_id"
FEEDBACK_TARGET_TRACE_ID: Final = "agentsight.feedback.target_trace_id"

GEN_AI_CONVERSATION_ID: Final = "gen_ai.conversation.id"
GEN_AI_OPERATION_NAME: Final = "gen_ai.operation.name"
GEN_AI_PROVIDER_NAME: Final = "gen_ai.provider.name"
GEN_AI_SYSTEM: Final = "gen_ai.system"
"""Deprecated by gen_ai.provider.name, but what the ingest contract reads."""
GEN_AI_REQUEST_MODEL: Final = "gen_ai.request.model"
GEN_AI_RESPONSE_MODEL: Final = "gen_ai.response.model"
GEN_AI_AGENT_NAME: Final = "gen_ai.agent.name"
GEN_AI_INPUT_MESSAGES: Final = "gen_ai.input.messages"
GEN_AI_OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
GEN_AI_TOOL_NAME: Final = "gen_ai.tool.name"
GEN_AI_TOOL_TYPE: Final = "gen_ai.tool.type"
GEN_AI_TOOL_CALL_ID: Final = "gen_ai.tool.call.id"
GEN_AI_TOOL_CALL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
GEN_AI_TOOL_CALL_RESULT: Final = "gen_ai.tool.call.result"
GEN_AI_USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
GEN_AI_USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
ERROR_TYPE: Final = "error.type"
USER_ID: Final = "user.id"
SESSION_ID: Final = "session.id"

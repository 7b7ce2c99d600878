"""The attributes of each kind of span, the same whether it was tracked or is live.

Each carries AgentSight's names and those of the GenAI conventions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from agentsight_otel import semconv
from agentsight_otel.encoding import encode_json_str
from agentsight_otel.enums import Sender
from agentsight_otel.tracking.items import Button, File, Tokens

CONVERSATION_SPAN_NAME = "conversation_opened"
TURN_SPAN_NAME = "turn"

_AGENT = Sender.AGENT.value
_ROLES = {Sender.USER.value: "user", Sender.AGENT.value: "assistant", Sender.SYSTEM.value: "system"}


def identity(conversation_id: str, fields: Mapping[str, str]) -> dict[str, Any]:
    """Return what every span of a conversation carries."""
    attributes: dict[str, Any] = {
        semconv.CONVERSATION_ID: conversation_id,
        semconv.GEN_AI_CONVERSATION_ID: conversation_id,
        semconv.SESSION_ID: conversation_id,
    }
    for field, value in fields.items():
        attributes[semconv.CONVERSATION_FIELDS[field]] = value
    if "customer_id" in fields:
        attributes[semconv.USER_ID] = fields["customer_id"]
    return attributes


def conversation() -> dict[str, Any]:
    """Return the attributes of the span that says a conversation exists."""
    return {
        semconv.SPAN_KIND: semconv.KIND_CONVERSATION,
        semconv.ENTITY_NAME: CONVERSATION_SPAN_NAME,
    }


def turn(name: str, turn_id: str) -> dict[str, Any]:
    """Return the attributes a turn starts with."""
    return {
        semconv.SPAN_KIND: semconv.KIND_TURN,
        semconv.ENTITY_NAME: name,
        semconv.TURN_ID: turn_id,
        semconv.GEN_AI_OPERATION_NAME: "invoke_agent",
    }


def turn_messages(messages: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return a turn's texts, ``(sender, text)`` in order, in the GenAI conventions' parts schema."""
    inputs: list[dict[str, Any]] = []
    outputs: list[dict[str, Any]] = []
    for sender, content in messages:
        parts = [{"type": "text", "content": content}]
        if sender == _AGENT:
            outputs.append({"role": "assistant", "parts": parts, "finish_reason": "stop"})
        else:
            inputs.append({"role": _ROLES.get(sender, sender), "parts": parts})
    attributes: dict[str, Any] = {}
    if inputs:
        attributes[semconv.GEN_AI_INPUT_MESSAGES] = msgspec.json.encode(inputs).decode()
    if outputs:
        attributes[semconv.GEN_AI_OUTPUT_MESSAGES] = msgspec.json.encode(outputs).decode()
    return attributes


def message_event(sender: str, content: str, metadata: str) -> dict[str, Any]:
    """Return the attributes of one message's event; *metadata* is JSON or empty."""
    attributes = {semconv.MESSAGE_SENDER: sender, semconv.MESSAGE_CONTENT: content}
    if metadata:
        attributes[semconv.MESSAGE_METADATA] = metadata
    return attributes


def tool_span_name(name: str) -> str:
    """Return the name of an action's span."""
    return f"execute_tool {name}"


def tool(name: str) -> dict[str, Any]:
    """Return the attributes an action starts with."""
    return {
        semconv.SPAN_KIND: semconv.KIND_TOOL,
        semconv.ENTITY_NAME: name,
        semconv.TOOL_NAME: name,
        semconv.GEN_AI_OPERATION_NAME: "execute_tool",
        semconv.GEN_AI_TOOL_NAME: name,
        semconv.GEN_AI_TOOL_TYPE: "function",
    }


def tool_result(
    arguments: str | None, response: str | None, error: str | None, error_type: str | None, metadata: str
) -> dict[str, Any]:
    """Return what an action's arguments (JSON), response, error and metadata (JSON) add."""
    attributes: dict[str, Any] = {}
    if arguments is not None:
        attributes[semconv.TOOL_ARGUMENTS] = arguments
        attributes[semconv.GEN_AI_TOOL_CALL_ARGUMENTS] = arguments
    if response is not None:
        attributes[semconv.TOOL_RESPONSE] = response
        attributes[semconv.GEN_AI_TOOL_CALL_RESULT] = response
    if error is not None:
        attributes[semconv.TOOL_ERROR] = error
        attributes[semconv.ERROR_TYPE] = error_type or "_OTHER"
    if metadata:
        attributes[semconv.METADATA] = metadata
    return attributes


def model_span_name(tokens: Tokens) -> str:
    """Return the name of a model call's span."""
    operation = _model_operation(tokens)
    return f"{operation} {tokens.model}" if tokens.model else operation


def model_call(tokens: Tokens) -> dict[str, Any]:
    """Return the attributes of a model call."""
    attributes: dict[str, Any] = {
        semconv.SPAN_KIND: semconv.KIND_LLM,
        semconv.ENTITY_NAME: tokens.model or _model_operation(tokens),
        semconv.GEN_AI_OPERATION_NAME: _model_operation(tokens),
        semconv.GEN_AI_USAGE_INPUT_TOKENS: tokens.prompt,
        semconv.GEN_AI_USAGE_OUTPUT_TOKENS: tokens.completion,
        semconv.LLM_TOTAL_TOKENS: tokens.total,
    }
    if tokens.embedding:
        attributes[semconv.LLM_EMBEDDING_TOKENS] = tokens.embedding
    if tokens.model:
        attributes[semconv.GEN_AI_REQUEST_MODEL] = tokens.model
    if tokens.metadata:
        attributes[semconv.METADATA] = tokens.metadata
    return attributes


def button(item: Button) -> dict[str, Any]:
    """Return the attributes of a button's span."""
    attributes: dict[str, Any] = {
        semconv.SPAN_KIND: semconv.KIND_BUTTON,
        semconv.ENTITY_NAME: item.label,
        semconv.BUTTON_EVENT: item.event,
        semconv.BUTTON_LABEL: item.label,
        semconv.BUTTON_VALUE: item.value,
    }
    if item.metadata:
        attributes[semconv.METADATA] = item.metadata
    return attributes


def attachment(sender: str, mode: str, files: Iterable[File], metadata: str) -> dict[str, Any]:
    """Return the attributes of an attachment's span: descriptors, never the bytes."""
    descriptors = [
        {"filename": file.filename, "mime_type": file.mime_type, "size": len(file.data)} for file in files
    ]
    attributes: dict[str, Any] = {
        semconv.SPAN_KIND: semconv.KIND_ATTACHMENT,
        semconv.ENTITY_NAME: "attachments",
        semconv.ATTACHMENT_SENDER: sender,
        semconv.ATTACHMENT_COUNT: len(descriptors),
        semconv.ATTACHMENT_FILES: encode_json_str(descriptors),
        semconv.ATTACHMENT_MODE: mode,
    }
    if metadata:
        attributes[semconv.METADATA] = metadata
    return attributes


def _model_operation(tokens: Tokens) -> str:
    return "embeddings" if tokens.embedding and not tokens.prompt and not tokens.completion else "chat"

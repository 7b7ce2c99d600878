"""The arguments of a ``track_*`` call become a checked item, stamped with the time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import time_ns
from typing import Any

from agentsight_otel.enums import AttachmentMode, Sender
from agentsight_otel.exceptions import (
    AgentSightException,
    InvalidAnswerDataException,
    InvalidQuestionDataException,
)
from agentsight_otel.tracking import validation as valid
from agentsight_otel.tracking.attachments import parse_mode, read_attachments
from agentsight_otel.tracking.ids import new_seed
from agentsight_otel.tracking.items import Action, Button, File, Files, Message, Opened, Tokens

_USER = Sender.USER.value
_AGENT = Sender.AGENT.value


def human_message(message: object, attachments: Sequence[Any] | None, mode: object, metadata: Any) -> Message:
    """Return what the user said."""
    return _message(_USER, message, attachments, mode, metadata, InvalidQuestionDataException)


def agent_message(message: object, attachments: Sequence[Any] | None, mode: object, metadata: Any) -> Message:
    """Return what the agent said."""
    return _message(_AGENT, message, attachments, mode, metadata, InvalidAnswerDataException)


def attachments(
    files: Sequence[Any], sender: str | Sender | None, metadata: Any, mode: str | AttachmentMode
) -> Files:
    """Return files that belong to no message."""
    parsed = parse_mode(mode)
    who, snapshot = valid.sender(sender), valid.metadata_json(metadata)
    read = read_attachments(files, parsed)
    return Files(_now_us(), new_seed(64), who, parsed.value, read, snapshot)


def action(
    name: object,
    started_at: object,
    ended_at: object,
    duration_ms: object,
    tools_used: object,
    response: object,
    error_msg: object,
    metadata: Any,
) -> Action:
    """Return an action."""
    started_us, ended_us = valid.period(started_at, ended_at)
    return Action(
        _now_us(),
        new_seed(64),
        valid.required_text("action_name", name),
        started_us,
        ended_us,
        valid.duration_ms(duration_ms),
        valid.optional_json(tools_used),
        valid.optional_text(response),
        valid.optional_text(error_msg),
        metadata=valid.metadata_json(metadata),
    )


def button(event: object, label: object, value: object, metadata: Any) -> Button:
    """Return a click on a button."""
    return Button(
        _now_us(),
        new_seed(64),
        valid.required_text("button_event", event),
        valid.required_text("label", label),
        valid.required_text("value", value),
        valid.metadata_json(metadata),
    )


def tokens(
    prompt: object, completion: object, total: object, embedding: object, model: object, metadata: Any
) -> Tokens:
    """Return token counts; a total of 0 is derived from the others."""
    counts = [
        valid.tokens("prompt_tokens", prompt),
        valid.tokens("completion_tokens", completion),
        valid.tokens("embedding_tokens", embedding),
    ]
    return Tokens(
        _now_us(),
        new_seed(64),
        counts[0],
        counts[1],
        valid.tokens("total_tokens", total) or sum(counts),
        counts[2],
        None if model is None else valid.required_text("model", model),
        valid.metadata_json(metadata),
    )


def opened(fields: Mapping[str, Any], environment: str | None) -> Opened:
    """Return what is known about a conversation; *environment* is the default."""
    given = dict(fields)
    given["environment"] = given.get("environment") or environment
    return Opened(_now_us(), new_seed(64), valid.conversation_fields(**given))


def _message(
    sender: str,
    message: object,
    attached: Sequence[Any] | None,
    mode: object,
    metadata: Any,
    error: type[AgentSightException],
) -> Message:
    # Inline what almost every message is; this is the call that agents make most.
    plain = type(message) is str and message.isascii() and message and not message.isspace()
    text: str = message if plain else valid.message_text(message, error)  # type: ignore[assignment]
    snapshot = valid.metadata_json(metadata) if metadata else ""
    if not attached and mode == "base64":
        return Message(time_ns() // 1000, new_seed(64), sender, text, snapshot)
    parsed = parse_mode(mode)
    if not attached:
        return Message(time_ns() // 1000, new_seed(64), sender, text, snapshot)
    files: tuple[File, ...] = read_attachments(attached, parsed)
    return Message(_now_us(), new_seed(64), sender, text, snapshot, parsed.value, files)


def _now_us() -> int:
    return time_ns() // 1000

"""What one foreign span says, in our words, whichever convention it speaks."""

from __future__ import annotations

from typing import Any

import msgspec

from agentsight_otel.translation.dialects import containers, usage, walk
from agentsight_otel.translation.dialects.annotations import Annotation, read_annotations
from agentsight_otel.translation.dialects.base import Kind, Rules, Walk
from agentsight_otel.translation.dialects.events import EventMessages, with_details
from agentsight_otel.translation.dialects.flattened import unflatten
from agentsight_otel.translation.dialects.messages import Message, read_messages
from agentsight_otel.translation.dialects.parts import Part, read_part, text_part
from agentsight_otel.translation.dialects.usage import Usage
from agentsight_otel.translation.dialects.values import as_count, as_flag, as_id, as_text, load
from agentsight_otel.translation.span_data import SpanData

_IDS_IN_METADATA = ("session_id", "conversation_id", "thread_id", "sessionId", "conversationId", "threadId")
_USERS_IN_METADATA = ("user_id", "userId", "customer_id", "customerId")
_ERRORS = frozenset({"error", "failed", "true"})


class Reading(msgspec.Struct):
    """One span, read.

    Attributes:
        span: The original.
        kind: What it is to a conversation; None for a span that is nobody's but its parent's child.
        dialect: The convention that said so.
        conversation: The conversation id the span itself names, or None.
        is_ours: The id is `agentsight.conversation.id`, which no other may override.
        delta: The input holds only what is new.
        new_from: Index into the input from which it is new, or None.
        user_text: What the user said, where a convention says it outright.
        reply_text: What the agent said, likewise.
    """

    span: SpanData
    kind: Kind | None
    dialect: str
    conversation: str | None
    is_ours: bool
    customer: str | None
    agent: str | None
    fields: dict[str, Any]
    metadata: dict[str, Any]
    input: tuple[Message, ...] = ()
    output: tuple[Message, ...] = ()
    delta: bool = False
    new_from: int | None = None
    user_text: str | None = None
    reply_text: str | None = None
    usage: Usage = Usage()
    annotations: tuple[Annotation, ...] = ()
    rules: Rules = Rules()

    def text(self, field: str) -> str | None:
        """A text field, None when missing or blank."""
        return as_text(self.fields.get(field))

    @property
    def failed(self) -> bool:
        """Whether the span ended in an error."""
        return self.span.status == "error" or self.fields.get("error_type") is not None


def read_span(span: SpanData) -> Reading:
    """Read a span; never raises on what instrumentations write."""
    span = with_details(span)
    found = walk(span)
    metadata = _metadata(found)
    conversation = as_id(found.fields.get("conversation")) or _first_id(metadata, _IDS_IN_METADATA)
    reading = Reading(
        span,
        found.kind,
        found.dialect,
        conversation,
        "agentsight.conversation.id" in span.attributes,
        as_id(found.fields.get("customer")) or _first_id(metadata, _USERS_IN_METADATA),
        as_text(found.fields.get("agent_name")),
        found.fields,
        metadata,
    )
    if found.kind is not None:
        _read_content(reading, found)
    return reading


def _read_content(reading: Reading, found: Walk) -> None:
    fields = reading.fields
    reading.usage = usage.read_usage(fields)
    reading.annotations = read_annotations(found)
    reading.user_text = as_text(fields.get("user_text"))
    reading.rules = found.rules
    if reading.kind is Kind.TOOL:
        if as_text(fields.get("tool_name")) in found.rules.answer_tools:
            reading.kind = Kind.OTHER
        return
    events = EventMessages.of(reading.span) if reading.span.events else EventMessages()
    reading.input = _by_rules(_input(found, events), found.rules)
    reading.output = _by_rules(_output(found, events), found.rules)
    if "system_instructions" in fields and not any(message.role == "system" for message in reading.input):
        reading.input = (*read_messages(fields["system_instructions"], "system"), *reading.input)
    _read_markers(reading, found)
    text = fields.get("reply_text")
    reading.reply_text = containers.reply_of(text) if text is not None else None
    if not reading.output and reading.kind is Kind.LLM:
        reading.output = _reply_message(reading)


def _read_markers(reading: Reading, found: Walk) -> None:
    fields = found.fields
    if "new_messages" in fields:
        reading.input, reading.delta = read_messages(fields["new_messages"]), True
    elif as_flag(fields.get("delta")):
        reading.delta = True
    history = fields.get("history")
    if history is not None and reading.kind is not Kind.LLM:
        reading.input = read_messages(history)
        reading.new_from = as_count(fields.get("new_message_index"))


def _input(found: Walk, events: EventMessages) -> tuple[Message, ...]:
    fields = found.fields
    for value in (fields.get("input_messages"), None):
        if value is not None and (messages := read_messages(value)):
            return messages
    if events.input:
        return events.input
    flat = found.flat.get("input_messages")
    if flat and (messages := read_messages(unflatten(flat))) and any(m.parts for m in messages):
        return messages
    return containers.input_messages(fields.get("input_value")) if found.kind is not None else ()


def _output(found: Walk, events: EventMessages) -> tuple[Message, ...]:
    value = found.fields.get("output_messages")
    if value is not None and (messages := read_messages(value, "assistant")):
        return messages
    if events.output:
        return events.output
    flat = found.flat.get("output_messages")
    if flat and (messages := read_messages(unflatten(flat), "assistant")) and any(m.parts for m in messages):
        return messages
    return containers.output_messages(found.fields.get("output_value"))


def _by_rules(messages: tuple[Message, ...], rules: Rules) -> tuple[Message, ...]:
    """Undo what a framework does to the texts: words before the user's, a tool for the answer."""
    if not rules.answer_tools and not rules.user_prefixes:
        return messages
    return tuple(
        Message(
            message.role,
            tuple(filter(None, (_part_by_rules(message, part, rules) for part in message.parts))),
            message.name,
        )
        for message in messages
    )


def _part_by_rules(message: Message, part: Part, rules: Rules) -> Part | None:
    if part.kind == "tool_call" and part.name in rules.answer_tools:
        values = list(part.value.values()) if isinstance(part.value, dict) else []
        return text_part(values[0]) if len(values) == 1 and isinstance(values[0], str) else None
    if part.kind == "text" and message.role == "user":
        for prefix in rules.user_prefixes:
            if part.text.startswith(prefix):
                return text_part(part.text[len(prefix) :])
    return part


def _reply_message(reading: Reading) -> tuple[Message, ...]:
    parts: list[Part] = []
    if reading.reply_text:
        parts.append(Part("text", reading.reply_text))
    calls = load(reading.fields.get("reply_tools"))
    for call in calls if isinstance(calls, list | tuple) else ():
        part = read_part(load(call), "tool_call")
        if part is not None and part.kind == "tool_call":
            parts.append(part)
    return (Message("assistant", tuple(parts)),) if parts else ()


def _metadata(found: Walk) -> dict[str, Any]:
    metadata = dict(found.metadata)
    for whole in metadata.pop("", ()):
        value = load(whole)
        if isinstance(value, dict):
            metadata = {**value, **metadata}
    return metadata


def _first_id(metadata: dict[str, Any], keys: tuple[str, ...]) -> str | None:
    for key in keys:
        if key in metadata and (found := as_id(metadata[key])):
            return found
    return None


def flag_says_failed(value: Any) -> bool:
    """Whether a status or flag attribute says that something failed."""
    return value is True or (isinstance(value, str) and value.lower() in _ERRORS)

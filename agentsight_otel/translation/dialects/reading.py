"""What one foreign span says, in our words, whichever convention it speaks."""

from __future__ import annotations

from typing import Any

from agentsight_otel.translation.dialects import containers, walk
from agentsight_otel.translation.dialects.annotations import Annotation, read_annotations
from agentsight_otel.translation.dialects.base import Kind, Rules, Walk
from agentsight_otel.translation.dialects.events import EventMessages, listed_events, with_details
from agentsight_otel.translation.dialects.lazy import Lazy
from agentsight_otel.translation.dialects.messages import Message, message_of_items, read_messages
from agentsight_otel.translation.dialects.parts import Part, read_part, text_part
from agentsight_otel.translation.dialects.usage import Usage, read_usage
from agentsight_otel.translation.dialects.values import as_count, as_flag, as_id, as_text, load
from agentsight_otel.translation.span_data import SpanData

_IDS_IN_METADATA = ("session_id", "conversation_id", "thread_id", "sessionId", "conversationId", "threadId")
_USERS_IN_METADATA = ("user_id", "userId", "customer_id", "customerId")
_ERRORS = frozenset({"error", "failed", "true"})


class Reading:
    """One span, read; what takes time is read when it is asked for.

    Attributes:
        span: The original.
        kind: What it is to a conversation; None for a span that is nobody's but its parent's child.
        dialect: The convention that said so.
        conversation: The conversation id the span itself names, or None.
        is_ours: The id is `agentsight.conversation.id`, which no other may override.
        customer: The customer the span names, or None.
        agent: Name of the agent, or None.
        fields: The best value of each field of `Dialect`.
        metadata: The application's metadata.
        rules: Habits of the framework.
    """

    def __init__(self, span: SpanData) -> None:
        self.span = span = with_details(span) if span.events else span
        self._found = found = walk(span)
        self.fields = fields = found.fields
        self.rules = found.rules
        self.dialect = found.dialect
        self.metadata = _metadata(found) if found.metadata else {}
        self.kind = found.kind
        if (
            self.kind is Kind.TOOL
            and found.rules.answer_tools
            and self.text("tool_name") in found.rules.answer_tools
        ):
            self.kind = Kind.OTHER
        self.conversation = as_id(fields.get("conversation")) or _first_id(self.metadata, _IDS_IN_METADATA)
        self.is_ours = "agentsight.conversation.id" in span.attributes
        self.customer = as_id(fields.get("customer")) or _first_id(self.metadata, _USERS_IN_METADATA)
        self.agent = as_text(fields.get("agent_name"))

    def text(self, field: str) -> str | None:
        """A text field, None when missing or blank."""
        value = self.fields.get(field)
        return None if value is None else as_text(value)

    @Lazy
    def failed(self) -> bool:
        """Whether the span ended in an error."""
        if self.span.status == "error" or self.fields.get("error_type") is not None:
            return True
        reasons = load(self.fields.get("finish_reasons"))
        return "error" in reasons if isinstance(reasons, list | tuple | str) else False

    def flag(self, field: str) -> bool:
        """Whether a flag is set."""
        return as_flag(self.fields.get(field)) is True

    @Lazy
    def usage(self) -> Usage:
        """Its tokens."""
        return read_usage(self.fields)

    @Lazy
    def annotations(self) -> tuple[Annotation, ...]:
        """Feedback that it carries."""
        return read_annotations(self._found)

    @property
    def delta(self) -> bool:
        """Whether the input holds only what is new."""
        return "new_messages" in self.fields or as_flag(self.fields.get("delta")) is True

    @property
    def history(self) -> bool:
        """Whether the input is the whole of a run, with what the agent said in it."""
        return "history" in self.fields and self.kind is not Kind.LLM

    @property
    def new_from(self) -> int | None:
        """Index into a history from which it is new, or None."""
        return as_count(self.fields.get("new_message_index")) if self.history else None

    @property
    def user_text(self) -> str | None:
        """What the user said, where a convention says it outright."""
        return self.text("user_text")

    @Lazy
    def reply_text(self) -> str | None:
        """What the agent said, likewise."""
        text = self.fields.get("reply_text")
        return containers.reply_of(text) if text is not None else None

    @Lazy
    def input(self) -> tuple[Message, ...]:
        """The messages that went in."""
        if self.history:
            return read_messages(self.fields["history"])
        if "new_messages" in self.fields:
            return read_messages(self.fields["new_messages"])
        messages = _by_rules(self._messages("input", "user"), self.rules)
        if "system_instructions" in self.fields and not any(message.role == "system" for message in messages):
            return (*read_messages(self.fields["system_instructions"], "system"), *messages)
        return messages

    @Lazy
    def output(self) -> tuple[Message, ...]:
        """The messages that came out."""
        messages = _by_rules(self._messages("output", "assistant"), self.rules)
        return messages or (_reply_message(self) if self.kind is Kind.LLM else ())

    @Lazy
    def _events(self) -> EventMessages:
        if "event_list" in self.fields:
            return EventMessages.of((*self.span.events, *listed_events(self.fields["event_list"])))
        return EventMessages.of(self.span.events) if self.span.events else EventMessages()

    def _messages(self, side: str, role: str) -> tuple[Message, ...]:
        value = self.fields.get(f"{side}_messages")
        if value is not None and (messages := read_messages(value, role)):
            return messages
        told = self._events.input if side == "input" else self._events.output
        if told:
            return told
        flat = self._found.flat.get(f"{side}_messages")
        if flat:
            # The SDK drops the oldest attributes, and a message without its role would be anybody's.
            found: list[Message] = []
            for number in sorted(flat):
                items = flat[number]
                if not self.span.dropped_attributes or any(path.endswith("role") for path, _ in items):
                    found += message_of_items(items, role)
            if any(message.parts for message in found):
                return tuple(found)
        read = containers.input_messages if side == "input" else containers.output_messages
        return read(self.fields.get(f"{side}_value"))


def read_span(span: SpanData) -> Reading:
    """Read a span; never raises on what instrumentations write."""
    return Reading(span)


def _by_rules(messages: tuple[Message, ...], rules: Rules) -> tuple[Message, ...]:
    """Undo what a framework does to the texts: words before the user's, a tool for the answer."""
    if not rules.answer_tools and not rules.user_prefixes:
        return messages
    return tuple([_message_by_rules(message, rules) for message in messages])


def _message_by_rules(message: Message, rules: Rules) -> Message:
    if not (message.asks and rules.answer_tools) and not (message.role == "user" and rules.user_prefixes):
        return message
    parts = tuple(filter(None, [_part_by_rules(message, part, rules) for part in message.parts]))
    return message if parts == message.parts else Message(message.role, parts)


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
    if not metadata:
        return None
    for key in keys:
        if key in metadata and (found := as_id(metadata[key])):
            return found
    return None


def flag_says_failed(value: Any) -> bool:
    """Whether a status or flag attribute says that something failed."""
    return value is True or (isinstance(value, str) and value.lower() in _ERRORS)

"""What one foreign span says, in our words, whichever convention it speaks."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from agentsight_otel.translation.dialects import containers, walk
from agentsight_otel.translation.dialects.annotations import Annotation, read_annotations
from agentsight_otel.translation.dialects.base import Kind, Rules
from agentsight_otel.translation.dialects.events import EventMessages, listed_events, with_details
from agentsight_otel.translation.dialects.flattened import Flat, unflatten
from agentsight_otel.translation.dialects.items import messages_of_items
from agentsight_otel.translation.dialects.lazy import Lazy
from agentsight_otel.translation.dialects.messages import Message, Told, read_messages
from agentsight_otel.translation.dialects.parts import Part, read_part, text_part
from agentsight_otel.translation.dialects.usage import Usage, read_usage
from agentsight_otel.translation.dialects.values import as_count, as_flag, as_id, as_text, load
from agentsight_otel.translation.span_data import SpanData

_IDS_IN_METADATA = ("session_id", "conversation_id", "thread_id", "sessionId", "conversationId", "threadId")
_USERS_IN_METADATA = ("user_id", "userId", "customer_id", "customerId")
_REASONS = (list, tuple, str)
_ERRORS = frozenset({"error", "failed", "true"})
_FAILURES = frozenset({"error", "failed", "cancelled", "incomplete"})
_OURS = "agentsight.conversation.id"
_ANSWERED = frozenset({"input_tokens", "response_id"})
_LONGEST_STREAM_S = 86_400
_TOOL, _LLM = Kind.TOOL, Kind.LLM
_parts, _shows = attrgetter("parts"), attrgetter("shows")


class _Side(NamedTuple):
    """Where the messages that went in, or those that came out, may stand."""

    messages: str
    value: str
    media: str
    role: str
    read_value: Callable[[Any], tuple[Message, ...]]


_INPUT = _Side("input_messages", "input_value", "input_media", "user", containers.input_messages)
_OUTPUT = _Side("output_messages", "output_value", "output_media", "assistant", containers.output_messages)


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
        response: Id that the provider gave its answer, or None.
        fields: The best value of each field of `Dialect`.
        names: The attributes' names, the same tuple for all spans of one place in a program.
        rules: Habits of the framework.
        speaks: It may hold messages.
        describes: It may hold metadata of the conversation.
        has_metadata: It does hold some beside a session's id.
        judges: It may hold feedback.
        failed: The span ended in an error.
    """

    _earlier: Told | None = None
    _told: Told | None = None

    def __init__(self, span: SpanData) -> None:
        self.span = span = with_details(span) if span.events else span
        self._found = found = walk(span)
        self.fields = fields = found.fields
        self.names = found.names
        self.rules = rules = found.rules
        self.dialect = found.dialect
        self.kind = found.kind
        if rules.answer_tools and self.kind is _TOOL and self.text("tool_name") in rules.answer_tools:
            self.kind = Kind.OTHER
        self.conversation = as_id(fields["conversation"]) if "conversation" in fields else None
        self.customer = as_id(fields["customer"]) if "customer" in fields else None
        if found.metadata:
            self.conversation = self.conversation or _first_id(self.metadata, _IDS_IN_METADATA)
            self.customer = self.customer or _first_id(self.metadata, _USERS_IN_METADATA)
        self.is_ours = _OURS in span.attributes
        self.agent = as_text(fields["agent_name"]) if "agent_name" in fields else None
        self.response = as_text(fields["response_id"]) if "response_id" in fields else None
        self.speaks = found.speaks or bool(span.events)
        self.describes = found.describes
        self.has_metadata = bool(found.metadata) or "tags" in fields
        self.judges = bool(span.events) or found.judges
        self.failed = (
            span.status == "error"
            or "error_type" in fields
            or ("outcome" in fields and str(fields["outcome"]).lower() in _FAILURES)
            or ("finish_reasons" in fields and _names_error(fields["finish_reasons"]))
        )
        if rules.streams_apart and self.kind is _LLM:
            self._settle_stream()

    def _settle_stream(self) -> None:
        """Leave a streamed call to the span that tells its answer, from its beginning on.

        Logfire calls that span's parent remote, which it is not.
        """
        span = self.span
        seconds = span.attributes.get("duration")
        if (
            isinstance(seconds, int | float)
            and 0 < seconds < _LONGEST_STREAM_S
            and span.start_ns == span.end_ns
        ):
            start = span.end_ns - int(seconds * 1e9)
            self.span = msgspec.structs.replace(span, start_ns=start, parent_is_remote=False)
        elif not self.failed and _ANSWERED.isdisjoint(self.fields) and not self.output:
            self.kind = Kind.OTHER

    def text(self, field: str) -> str | None:
        """A text field, None when missing or blank."""
        value = self.fields.get(field)
        return None if value is None else as_text(value)

    @Lazy
    def metadata(self) -> dict[str, Any]:
        """The application's metadata."""
        metadata = dict(self._found.metadata)
        for whole in metadata.pop("", ()):
            value = load(whole)
            if isinstance(value, dict):
                metadata = {**value, **metadata}
        return metadata

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

    def follow(self, earlier: Told | None) -> Told | None:
        """Read the input as going on from an earlier call's; return what the next call's goes on from."""
        self._earlier = earlier
        read = self.input
        self._earlier = None
        return self._told if read and self._told is not None else earlier

    @Lazy
    def input(self) -> tuple[Message, ...]:
        """The messages that went in."""
        if not self.speaks:
            return ()
        fields = self.fields
        if self.history:
            return read_messages(fields["history"], earlier=self._earlier)
        if "new_messages" in fields:
            return read_messages(fields["new_messages"])
        messages = _by_rules(self._messages(_INPUT), self.rules)
        if _INPUT.media in self._found.flat:
            messages = self._shown(messages, _INPUT)
        if "system_instructions" in fields and not any(message.role == "system" for message in messages):
            return (*read_messages(fields["system_instructions"], "system"), *messages)
        return messages

    @Lazy
    def output(self) -> tuple[Message, ...]:
        """The messages that came out."""
        if not self.speaks:
            return ()
        messages = _by_rules(self._messages(_OUTPUT), self.rules)
        if _OUTPUT.media in self._found.flat:
            messages = self._shown(messages, _OUTPUT)
        return messages or (_reply_message(self) if self.kind is _LLM else ())

    def _shown(self, messages: tuple[Message, ...], side: _Side) -> tuple[Message, ...]:
        """Add the media that stand beside the messages to the last one of who shows them."""
        if any(map(_shows, messages)):
            return messages
        objects = [unflatten(paths, values) for paths, values in self._found.flat[side.media].objects()]
        blocks = [{key: one} for found in objects if isinstance(found, dict) for key, one in found.items()]
        parts = tuple([part for part in map(read_part, blocks) if part is not None and part.kind == "media"])
        if messages and messages[-1].role == side.role:
            return (*messages[:-1], Message(side.role, (*messages[-1].parts, *parts)))
        return (*messages, Message(side.role, parts)) if parts else messages

    @Lazy
    def _events(self) -> EventMessages:
        if "event_list" in self.fields:
            return EventMessages.of((*self.span.events, *listed_events(self.fields["event_list"])))
        return EventMessages.of(self.span.events)

    def _messages(self, side: _Side) -> tuple[Message, ...]:
        earlier = self._earlier if side is _INPUT else None
        fields = self.fields
        value = fields.get(side.messages)
        if value is not None and (messages := read_messages(value, side.role, earlier)):
            if side is _INPUT and isinstance(value, str):
                self._told = Told(value, messages)
            return messages
        if self.span.events or "event_list" in fields:
            told = self._events.input if side is _INPUT else self._events.output
            if told:
                return told
        flat = self._found.flat.get(side.messages)
        if flat:
            # The SDK drops the oldest attributes, and a message without its role would be anybody's.
            if self.span.dropped_attributes:
                flat = Flat(tuple([place for place in flat.places if place.has_role]), flat.values)
            messages = messages_of_items(flat, side.role, earlier)
            if any(map(_parts, messages)):
                if side is _INPUT:
                    self._told = Told(flat, messages)
                return messages
        value = fields.get(side.value)
        return side.read_value(value) if value is not None else ()


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


def _names_error(reasons: Any) -> bool:
    """Whether an error is among the reasons why the model stopped."""
    if isinstance(reasons, str):
        reasons = load(reasons)
    return isinstance(reasons, _REASONS) and "error" in reasons


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

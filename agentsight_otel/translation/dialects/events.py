"""Messages that travel as span events or log records instead of attributes.

Reference: semantic-conventions 1.36 docs/gen-ai/gen-ai-events.md; strands-agents 1.62.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from agentsight_otel.translation.dialects.messages import Message, read_message, read_messages
from agentsight_otel.translation.dialects.values import load
from agentsight_otel.translation.span_data import EventData, SpanData

DETAILS = "gen_ai.client.inference.operation.details"
CHOICE = "gen_ai.choice"
EVALUATION = "gen_ai.evaluation.result"
_EXCEPTIONS = frozenset({"exception", "gen_ai.client.operation.exception"})
TOOL_OUTPUT = "tool.output"
_PROMPT = "gen_ai.content.prompt"
_COMPLETION = "gen_ai.content.completion"
_ASSISTANT = "gen_ai.assistant.message"
_ROLES = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.prompt": "user",  # Semantic Kernel's, where there is no chat
    _ASSISTANT: "assistant",
    "gen_ai.tool.message": "tool",
}


class EventMessages(msgspec.Struct):
    """The messages among a span's events."""

    input: tuple[Message, ...] = ()
    output: tuple[Message, ...] = ()

    @classmethod
    def of(cls, events: Iterable[EventData]) -> EventMessages:
        """Gather them, in the order of the events."""
        given: list[Message] = []
        made: list[Message] = []
        for event in events:
            if event.name in _ROLES:
                given += _message(event, _ROLES[event.name])
            elif event.name == CHOICE:
                made += _choice(event)
            elif event.name == _PROMPT:
                given += read_messages(event.attributes.get("gen_ai.prompt"))
            elif event.name == _COMPLETION:
                made += read_messages(event.attributes.get("gen_ai.completion"), "assistant")
        return cls(tuple(given), tuple(made))


def listed_events(value: Any) -> list[EventData]:
    """Return events that were written down as a list in an attribute, each with its name inside.

    Logfire calls what the model answers by OpenAI's responses a message of the assistant like those before;
    it is what stands last.
    """
    events = load(value)
    found = [
        EventData(event["event.name"], 0, {}, event)
        for event in (events if isinstance(events, list | tuple) else ())
        if isinstance(event, dict) and isinstance(event.get("event.name"), str)
    ]
    end = len(found)
    while end and found[end - 1].name == _ASSISTANT:
        end -= 1
    return [*found[:end], *(msgspec.structs.replace(event, name=CHOICE) for event in found[end:])]


def with_details(span: SpanData) -> SpanData:
    """Return the span with the attributes of its details and exception events added where it has none."""
    added: dict[str, Any] = {}
    for event in span.events:
        if event.name.startswith("gen_ai.") and "user.id" in event.attributes:
            added.setdefault("user.id", event.attributes["user.id"])
        if event.name == DETAILS:
            body = event.body if isinstance(event.body, dict) else {}
            for key, value in {**body, **event.attributes}.items():
                added.setdefault(key, value)
        elif event.name in _EXCEPTIONS:
            if "error.type" not in span.attributes and "exception.type" in event.attributes:
                added.setdefault("error.type", event.attributes["exception.type"])
            if "exception.message" in event.attributes:
                added.setdefault("exception.message", event.attributes["exception.message"])
    if not added:
        return span
    return msgspec.structs.replace(span, attributes={**added, **span.attributes})


def _message(event: EventData, role: str) -> list[Message]:
    fields = _fields(event)
    content = load(fields.get("content"))
    value = {**fields, "content": content, "role": fields.get("role") or role}
    if role == "tool" and "tool_call_id" not in value:
        value["tool_call_id"] = fields.get("id")
    message = read_message(value, role)
    return [message] if message is not None and message.parts else []


def _choice(event: EventData) -> list[Message]:
    fields = _fields(event)
    if fields.get("index") not in (None, 0, "0"):
        return []
    message = load(fields.get("message"))
    if isinstance(message, dict):
        value = {"role": "assistant", **message}
    else:
        value = {
            "role": "assistant",
            **fields,
            "content": message if message is not None else fields.get("content"),
        }
        value.pop("message", None)
    if "tool_calls" not in value and "tool_calls" in fields:
        value["tool_calls"] = fields["tool_calls"]
    found = read_message(value, "assistant")
    return [found] if found is not None and found.parts else []


def _fields(event: EventData) -> dict[str, Any]:
    body = load(event.body)
    if isinstance(body, dict):
        return {**event.attributes, **body}
    if isinstance(body, str):
        return {"content": body, **event.attributes}
    return event.attributes

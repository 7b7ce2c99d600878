"""What a backend shows of ingest blocks: the projection of the ingest contract (§5.8), read from the wire.

Two things go beyond it, for judging: messages of incomplete turns, which the contract only archives, are kept
and marked; and failed model calls are counted apart from answered ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from agentsight_otel import semconv
from agentsight_otel.translation.block import Block, Upload

WireSpan = dict[str, Any]


@dataclass(frozen=True)
class MessageView:
    """One message of a transcript.

    Attributes:
        shown: Its turn is complete, so the contract's transcript has it.
    """

    at: datetime
    sender: str
    text: str
    metadata: dict[str, Any]
    shown: bool


@dataclass(frozen=True)
class ActionView:
    """One run of a tool."""

    at: datetime
    name: str
    arguments: Any
    result: str | None
    error: str | None


@dataclass
class TokensView:
    """What the model calls of a conversation cost; *input* includes what came from a cache."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    calls: int = 0
    failed_calls: int = 0


@dataclass
class ConversationView:
    """One conversation.

    Attributes:
        fields: Its block fields, later blocks winning.
        attachments: MIME type and size of each upload.
    """

    conversation_id: str
    fields: dict[str, Any] = field(default_factory=dict)
    messages: list[MessageView] = field(default_factory=list)
    actions: list[ActionView] = field(default_factory=list)
    attachments: list[tuple[str, int]] = field(default_factory=list)
    tokens: TokensView = field(default_factory=TokensView)


def conversation_view(blocks: Iterable[Block]) -> list[ConversationView]:
    """Project *blocks*, in the order of their first appearance; a span sent twice counts once."""
    fields: dict[str, dict[str, Any]] = {}
    spans: dict[str, dict[str, WireSpan]] = {}
    uploads: dict[str, dict[str, Upload]] = {}
    for block in blocks:
        fields.setdefault(block.conversation_id, {}).update(block.fields)
        known = spans.setdefault(block.conversation_id, {})
        for raw in block.spans:
            span = json.loads(raw)
            known[span["span_id"]] = span
        uploads.setdefault(block.conversation_id, {}).update((item.key, item) for item in block.uploads)
    views = [_project(key, fields[key], list(spans[key].values())) for key in spans]
    for view in views:
        files = uploads[view.conversation_id].values()
        view.attachments = [(item.mime_type, len(item.data)) for item in files]
    return views


def _project(conversation_id: str, fields: dict[str, Any], spans: list[WireSpan]) -> ConversationView:
    view = ConversationView(conversation_id, fields)
    for span in spans:
        kind = span["kind"]
        if kind == semconv.KIND_TURN:
            view.messages += _messages(span)
        elif kind in {semconv.KIND_TOOL, semconv.KIND_TASK}:
            view.actions.append(_action(span))
        elif kind == semconv.KIND_LLM:
            _count(span["attributes"], view.tokens)
    view.messages.sort(key=lambda message: message.at)
    view.actions.sort(key=lambda action: action.at)
    return view


def _messages(turn: WireSpan) -> list[MessageView]:
    shown = turn["attributes"].get(semconv.TURN_COMPLETE) is True
    return [
        MessageView(
            at=datetime.fromisoformat(event["timestamp"]),
            sender=event["attributes"][semconv.MESSAGE_SENDER],
            text=event["attributes"][semconv.MESSAGE_CONTENT],
            metadata=json.loads(event["attributes"].get(semconv.MESSAGE_METADATA) or "{}"),
            shown=shown,
        )
        for event in turn["events"]
        if event["name"] == semconv.MESSAGE_EVENT
    ]


def _action(span: WireSpan) -> ActionView:
    attributes = span["attributes"]
    arguments = attributes.get(semconv.TOOL_ARGUMENTS)
    return ActionView(
        at=datetime.fromisoformat(attributes.get(semconv.TIMESTAMP) or span["started_at"]),
        name=attributes.get(semconv.TOOL_NAME) or span["name"],
        arguments=None if arguments is None else json.loads(arguments),
        result=attributes.get(semconv.TOOL_RESPONSE),
        error=attributes.get(semconv.TOOL_ERROR),
    )


def _count(attributes: dict[str, Any], tokens: TokensView) -> None:
    if attributes.get(semconv.LLM_ERROR):
        tokens.failed_calls += 1
        return
    cached = attributes.get(semconv.LLM_CACHE_READ_TOKENS, 0)
    written = attributes.get(semconv.LLM_CACHE_WRITE_TOKENS, 0)
    tokens.calls += 1
    tokens.input += attributes.get(semconv.GEN_AI_USAGE_INPUT_TOKENS, 0) + cached + written
    tokens.output += attributes.get(semconv.GEN_AI_USAGE_OUTPUT_TOKENS, 0)
    tokens.cache_read += cached

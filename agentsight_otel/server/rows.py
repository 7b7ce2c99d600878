"""What is to be written about a conversation, whichever route it came by: plain rows without keys."""

from __future__ import annotations

from typing import Any

import msgspec


class Run(msgspec.Struct):
    """One run of an action."""

    name: str
    started_at: int | None = None
    ended_at: int | None = None
    duration_ms: float | None = None
    tools_used: Any = None
    response: str | None = None
    error_message: str = ""
    metadata: dict[str, Any] | None = None


class Click(msgspec.Struct):
    """One click on a button."""

    button_event: str
    label: str
    value: str
    metadata: dict[str, Any] | None = None


class Entry(msgspec.Struct):
    """One row of the transcript. ``event_key`` is unique in its conversation; ``kind`` as in the table."""

    event_key: str
    kind: str
    timestamp: int
    sender: str
    content: str
    metadata: dict[str, Any] | None = None
    turn_id: str | None = None
    span_id: str | None = None
    run: Run | None = None
    click: Click | None = None


class Usage(msgspec.Struct):
    """Tokens of one or more calls of one model. Rows with the same ``event_key`` are added up."""

    event_key: str
    turn_id: str | None
    model: str
    provider: str | None
    started_at: int
    ended_at: int
    prompt_tokens: int = 0
    completion_tokens: int = 0
    embedding_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    audio_input_tokens: int = 0
    audio_output_tokens: int = 0
    total_tokens: int = 0
    cost_usd_e8: int | None = None
    price_source: str | None = None
    calls: int = 1
    unreported_calls: int = 0


ADDED_UP = (
    "prompt_tokens",
    "completion_tokens",
    "embedding_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "audio_input_tokens",
    "audio_output_tokens",
    "total_tokens",
    "calls",
    "unreported_calls",
)
"""The fields of Usage that are sums."""


class Vote(msgspec.Struct):
    """Feedback on a conversation that came as a span."""

    event_key: str
    sentiment: str
    comment: str
    metadata: dict[str, Any] | None
    created_at: int


class SpanRow(msgspec.Struct):
    """One span of the archive."""

    span_id: str
    trace_id: str
    parent_span_id: str | None
    kind: str
    name: str
    started_at: int
    ended_at: int
    duration_ms: float | None
    status: str
    turn_id: str | None
    turn_complete: bool | None
    incomplete_reason: str | None
    payload: str


class Projected(msgspec.Struct):
    """One span and what it becomes."""

    span: SpanRow
    entries: list[Entry] = []
    usage: Usage | None = None
    vote: Vote | None = None


def action_content(name: str) -> str:
    """Return the text of the transcript row that stands for an action."""
    return f"Action {name} performed"


def button_content(label: str) -> str:
    """Return the text of the transcript row that stands for a click."""
    return f"Button clicked: {label}"


ATTACHMENT_CONTENT = "[Attachments]"

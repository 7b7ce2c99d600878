"""What the other routes answer: management, files, actions, tokens, spans, imports, errors."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from agentsight_otel.server.api.openapi.answers import (
    Attachment,
    Closed,
    Count,
    Hex16,
    Hex32,
    Money,
    Object,
    Ref,
    Sender,
    Time,
)


class Opened(Ref):
    """A conversation as the upsert of the 0.0.x SDKs answers it."""

    customer_id: str | None
    device: str | None
    source: str | None
    language: str | None
    name: str | None
    customer_ip_address: str | None
    metadata: Object | None


class Marked(Ref):
    """A conversation after it was marked."""

    is_marked: bool


class Renamed(Ref):
    """A conversation after it was renamed."""

    name: str


class Updated(Ref, kw_only=True):
    """A conversation after an update: which fields changed, and their values."""

    updated_fields: list[str]
    name: str | UnsetType | None = UNSET
    is_marked: bool | UnsetType = UNSET
    customer_id: str | UnsetType | None = UNSET
    device: str | UnsetType | None = UNSET
    language: str | UnsetType | None = UNSET
    metadata: Object | UnsetType | None = UNSET


class Deleted(Ref):
    """A conversation after it was deleted softly, or had back."""

    is_deleted: bool
    deleted_at: Time | None


class MessageFiles(Closed):
    """The files of one message."""

    message_id: int
    sender: Sender
    timestamp: Time
    attachments: list[Attachment]


class ConversationFiles(Closed):
    """The files of a conversation, with the keys of both SDK generations."""

    conversation_id: str
    conversation: int
    attachment_count: Count
    total_attachments: Count
    attachments: list[Attachment]
    messages: list[MessageFiles]


class Uploaded(Closed):
    """What an upload made."""

    conversation: int
    message: int
    attachments: list[Attachment]


class Action(Closed):
    """A definition."""

    id: int
    name: str
    display_name: str
    description: str
    agent: int


class Usage(Closed):
    """The tokens of one model in one turn."""

    id: int
    conversation: int
    conversation_id: str
    environment: str
    turn_id: str | None
    model: str
    prompt_tokens: Count
    completion_tokens: Count
    embedding_tokens: Count
    cache_read_tokens: Count
    cache_write_tokens: Count
    reasoning_tokens: Count
    audio_input_tokens: Count
    audio_output_tokens: Count
    total_tokens: Count
    cost_usd: Money | None
    cost_usd_reported: Money | None
    cost_source: str
    price_source: str | None
    calls: Count
    unreported_calls: Count
    incomplete: bool
    incomplete_reason: str | None
    started_at: Time
    ended_at: Time


class UsageSum(Closed):
    """Sums of one group: a model, a conversation's integer id or a day."""

    group: str | int
    calls: Count
    rows: Count
    prompt_tokens: Count
    completion_tokens: Count
    embedding_tokens: Count
    cache_read_tokens: Count
    cache_write_tokens: Count
    total_tokens: Count
    cost_usd: float | None


class UsageSummary(Closed):
    """Sums, biggest first."""

    group_by: str
    currency: str
    results: list[UsageSum]


class SpanFields(Closed, kw_only=True):
    """What every form of a span has."""

    id: int
    conversation: int
    conversation_id: str
    trace_id: Hex32
    span_id: Hex16
    parent_span_id: Hex16 | None
    kind: str
    name: str
    started_at: Time
    ended_at: Time
    duration_ms: float | None
    status: str
    attributes: Object
    events: list[Any]


class Span(SpanFields, kw_only=True):
    """A span of the archive; ``payload`` only on request."""

    payload: Object | UnsetType = UNSET


class Node(SpanFields, kw_only=True):
    """A span of a trace with its children."""

    children: list[Node]


class Trace(Closed):
    """A trace as a tree; spans whose parent is not here are roots."""

    trace_id: Hex32
    span_count: Count
    truncated: bool
    roots: list[Node]


class Keys(Closed):
    """Metadata keys; nested ones as dotted paths."""

    keys: Annotated[list[str], Meta(max_length=200)]


class Values(Closed):
    """The values of one metadata key."""

    key: str
    values: Annotated[list[Any], Meta(max_length=200)]


class Recorded(Closed, kw_only=True):
    """What every legacy write answers."""

    id: int
    conversation: int
    metadata: Object | None
    timestamp: Time


class RecordedMessage(Recorded, kw_only=True):
    """What `/api/track/` recorded."""

    sender: Sender
    content: str


class RecordedAction(Recorded, kw_only=True):
    """What `/api/action_logs/` recorded; a report of tokens has no message."""

    action: int | UnsetType = UNSET
    action_name: str
    message: int | UnsetType = UNSET
    sender: Sender | UnsetType = UNSET
    content: str | UnsetType = UNSET


class RecordedButton(RecordedMessage, kw_only=True):
    """What `/api/buttons/` recorded."""

    button_event: str
    label: str
    value: str
    message: int


class Rejection(Closed):
    """Which blocks of a payload are wrong, and why; nothing of it was written."""

    detail: str | UnsetType = UNSET
    conversations: list[FailedBlock] | str | UnsetType = UNSET
    truncated: bool | UnsetType = UNSET


class FailedBlock(Closed):
    """One wrong block; ``conversation_id`` is what was sent."""

    index: Count
    conversation_id: Any
    errors: dict[str, list[str]]

"""What the writing routes take, as types. Fields that are not named here are ignored, but for blocks."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from agentsight_otel.server.api.openapi.answers import (
    Hex16,
    Hex32,
    Kind,
    Object,
    Priority,
    Sender,
    Sentiment,
    TicketStatus,
    Time,
)

Short = Annotated[str, Meta(max_length=255)]
Named = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"\S")]
Said = Annotated[str, Meta(min_length=1, pattern=r"\S")]
Words = Annotated[str, Meta(max_length=5000, description="A comment.")]
Slug = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{1,50}$")]
Key = Annotated[int, Meta(ge=0, description="An integer id.")]
Reference = Annotated[int | str | None, Meta(description="An integer id; the text `None` counts as absent.")]
Duration = Annotated[float, Meta(ge=0, description="Milliseconds.")]
Tags = Annotated[list[Short], Meta(max_length=50)]


class WireEvent(Struct):
    """An event of a span: a message, or an exception."""

    name: str
    timestamp: Time
    attributes: Object | UnsetType = UNSET


class WireSpan(Struct):
    """A span. What is not named here is kept and given back as ``payload``."""

    span_id: Hex16
    trace_id: Hex32
    started_at: Time
    ended_at: Time
    parent_span_id: Hex16 | UnsetType | None = UNSET
    kind: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    duration_ms: float | UnsetType | None = UNSET
    status: Literal["unset", "ok", "error"] | UnsetType = UNSET
    attributes: Object | UnsetType = UNSET
    events: list[WireEvent] | UnsetType = UNSET
    otel: Object | UnsetType = UNSET


class ConversationFields(Struct):
    """What a sender says about a conversation."""

    conversation_id: Named
    customer_id: Short | UnsetType | None = UNSET
    customer_ip_address: str | UnsetType | None = UNSET
    device: Short | UnsetType | None = UNSET
    source: Short | UnsetType | None = UNSET
    language: Short | UnsetType | None = UNSET
    name: Short | UnsetType | None = UNSET
    environment: str | UnsetType | None = UNSET
    metadata: Object | UnsetType | None = UNSET


class Block(ConversationFields, forbid_unknown_fields=True):
    """One conversation of a payload. A field that is absent or null changes nothing."""

    spans: list[WireSpan] | UnsetType = UNSET


class Sdk(Struct):
    """Who sends."""

    name: str
    version: str | UnsetType = UNSET


class Payload(Struct):
    """An ingest payload: taken as a whole, or not at all."""

    conversations: list[Block]
    sdk: Sdk | UnsetType = UNSET


class NewConversation(ConversationFields):
    """The conversation of a 0.0.x SDK. Stored fields are kept; absent ones are filled."""

    is_used: bool | UnsetType | None = UNSET
    timestamp: Time | UnsetType | None = UNSET


class Mark(Struct):
    """Whether a conversation is marked."""

    is_marked: bool


class Name(Struct):
    """A new name."""

    name: Named


class Update(Struct):
    """Fields to change, at least one. Metadata is replaced as a whole."""

    name: Named | UnsetType = UNSET
    is_marked: bool | UnsetType = UNSET
    customer_id: Short | UnsetType | None = UNSET
    device: Short | UnsetType | None = UNSET
    language: Short | UnsetType | None = UNSET
    metadata: Object | UnsetType | None = UNSET


class MetadataChange(Struct):
    """Keys to set and keys to remove; the others stay."""

    metadata: Object | UnsetType | None = UNSET
    remove: list[str] | UnsetType | None = UNSET


class About(Struct, kw_only=True):
    """What a 0.0.x SDK sends with everything: its conversation, and metadata."""

    conversation_id: Short | UnsetType | None = UNSET
    conversation: Reference | UnsetType = UNSET
    metadata: Object | UnsetType | None = UNSET


class Placed(About, kw_only=True):
    """What every record of a 0.0.x SDK carries."""

    timestamp: Time | UnsetType | None = UNSET


class TrackedMessage(Placed, kw_only=True):
    """A message."""

    content: Said
    sender: Sender


class TrackedAction(Placed, kw_only=True):
    """A run of an action. The name ``token_usage`` reports the counts in its metadata."""

    action_name: Named
    started_at: Time | UnsetType | None = UNSET
    ended_at: Time | UnsetType | None = UNSET
    duration_ms: Duration | UnsetType | None = UNSET
    tools_used: Any | UnsetType = UNSET
    response: str | UnsetType | None = UNSET
    error_msg: str | UnsetType | None = UNSET


class TrackedButton(Placed, kw_only=True):
    """A click."""

    button_event: str
    label: str
    value: str


class UploadedFile(Struct):
    """One file."""

    data: Annotated[str, Meta(description="Base64.", extra_json_schema={"contentEncoding": "base64"})]
    filename: str | UnsetType = UNSET
    mime_type: str | UnsetType = UNSET


class Upload(Placed, kw_only=True):
    """Files: onto a message, or as a message of their own."""

    attachments: Annotated[list[UploadedFile], Meta(min_length=1, max_length=10)]
    message: Reference | UnsetType = UNSET
    sender: Sender | UnsetType = UNSET
    mode: str | UnsetType = UNSET


class MessageMetadata(Struct):
    """A message's new metadata, as a whole."""

    metadata: Object | None


class ConversationFeedback(About, kw_only=True):
    """Feedback of a 0.0.x SDK."""

    sentiment: Sentiment
    comment: Words | UnsetType | None = UNSET


class FeedbackFields(Struct, kw_only=True):
    """What may be said with a vote."""

    comment: Words | UnsetType | None = UNSET
    topic: Slug | UnsetType | None = UNSET
    reason: Slug | UnsetType | None = UNSET
    environment: str | UnsetType = UNSET


class NewFeedback(FeedbackFields, kw_only=True):
    """A vote. What it is about depends on its kind."""

    kind: Kind
    sentiment: Sentiment
    conversation_id: Short | UnsetType = UNSET
    conversation: Key | UnsetType = UNSET
    message: Key | UnsetType = UNSET
    agent: Key | UnsetType = UNSET


class FeedbackChange(FeedbackFields, kw_only=True):
    """Fields to change; topic and reason only on votes on a message, environment on those on the agent."""

    sentiment: Sentiment | UnsetType = UNSET


class TicketFields(Struct, kw_only=True):
    """What may be said of a ticket, and changed."""

    status: TicketStatus | UnsetType = UNSET
    priority: Priority | UnsetType | None = UNSET
    tags: Tags | UnsetType = UNSET


class TicketChange(TicketFields, kw_only=True):
    """Fields to change."""

    title: Named | UnsetType = UNSET


class NewTicket(TicketFields, kw_only=True):
    """A ticket. ``conversation_id`` is the integer id on this route."""

    title: Named
    environment: str | UnsetType = UNSET
    conversation_id: Key | UnsetType | None = UNSET
    feedback_id: Key | UnsetType | None = UNSET


class NewComment(Struct):
    """A comment."""

    body: Annotated[str, Meta(min_length=1, max_length=20_000, pattern=r"\S")]


class NewAction(Struct):
    """A definition; the label is the name unless given."""

    name: Named
    display_name: Short | UnsetType | None = UNSET
    description: str | UnsetType | None = UNSET


class ActionChange(Struct):
    """Fields to change."""

    name: Named | UnsetType = UNSET
    display_name: Short | UnsetType | None = UNSET
    description: str | UnsetType | None = UNSET

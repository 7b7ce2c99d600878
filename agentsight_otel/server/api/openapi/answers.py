"""What the routes answer, as types: the document is made from them, and the tests hold answers against them.

A field with a default is left out where it does not apply.
"""

from __future__ import annotations

from typing import Annotated, Any, Generic, Literal, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType

Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
Money = Annotated[str, Meta(pattern=r"^\d+\.\d{8}$", description="US dollars with eight decimal places.")]
Url = Annotated[str, Meta(extra_json_schema={"format": "uri"})]
Count = Annotated[int, Meta(ge=0)]
Hex16 = Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
Hex32 = Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
Object = dict[str, Any]
Role = Literal["read", "write"]
Sender = Literal["end_user", "agent", "system"]
Sentiment = Literal["positive", "neutral", "negative"]
Kind = Literal["conversation", "agent", "message"]
TicketStatus = Literal["backlog", "open", "in_progress", "in_review", "done", "closed"]
Priority = Literal["low", "medium", "high"]
Row = TypeVar("Row")


class Closed(Struct, forbid_unknown_fields=True):
    """An object with these fields and no others."""


class Page(Closed, Generic[Row]):
    """One page of a list. ``next`` and ``previous`` are absolute URLs."""

    count: Count
    page_size: Annotated[int, Meta(ge=1, le=100)]
    total_pages: Annotated[int, Meta(ge=1)]
    current_page: Annotated[int, Meta(ge=1)]
    next: Url | None
    previous: Url | None
    results: list[Row]


class Environment(Closed):
    """An environment of an agent."""

    id: int
    slug: str
    name: str
    is_production: bool
    created_at: Time
    updated_at: Time


class Me(Closed):
    """Whose key it is, and what it may do."""

    agent_id: int
    agent_name: str
    role: Role
    environments: list[Environment]
    capabilities: list[str]


class Accepted(Closed):
    """Spans that were new, and spans that were known already."""

    accepted: Count
    duplicate: Count


class Ref(Closed):
    """A conversation by both its ids."""

    id: int
    conversation_id: str


class Attachment(Closed):
    """A file; its URL works for an hour and needs no key."""

    id: int
    message: int
    type: Literal["image", "document", "text", "audio", "video"]
    filename: str
    mime_type: str
    size_bytes: Count
    file_url: Url


class ActionLog(Closed):
    """One run of an action."""

    id: int
    action: int
    message: int | None
    started_at: Time | None
    ended_at: Time | None
    duration_ms: float | None
    tools_used: Any
    response: str | None
    error_message: str
    metadata: Object | None


class Button(Closed):
    """A click."""

    id: int
    button_event: str
    label: str
    value: str
    metadata: Object | None


class Click(Button):
    """A click with its place."""

    conversation: int
    message: int
    timestamp: Time


class ButtonCount(Closed):
    """How often a button was clicked."""

    button_event: str
    value: str
    label: str
    count: Count


class Feedback(Closed):
    """One vote; ``message``, ``topic`` and ``reason`` are there on votes on a message."""

    id: int
    kind: Kind
    agent: int
    conversation: int | None
    user: None
    environment: str
    environment_id: int
    sentiment: Sentiment
    category: str | None
    comment: str
    source: Literal["customer", "platform"]
    metadata: Object | None
    created_at: Time
    conversation_id: str | UnsetType | None = UNSET
    message: int | UnsetType = UNSET
    topic: str | UnsetType | None = UNSET
    reason: str | UnsetType | None = UNSET


class Message(Closed):
    """A message with all that belongs to it."""

    id: int
    conversation: int
    timestamp: Time
    sender: Sender
    content: str
    action_name: str | None
    metadata: Object | None
    attachments: list[Attachment]
    action_logs: list[ActionLog]
    button: Button | None
    feedback: Feedback | None


class Comment(Closed):
    """A comment of a ticket."""

    id: int
    author: str
    role: Literal["agent", "dev", "reporter"]
    body: str
    created_at: Time


class PlainTicket(Closed):
    """A ticket without what it is about."""

    id: int
    agent: int
    title: str
    status: TicketStatus
    priority: Priority | None
    tags: list[str]
    environment: str
    environment_id: int
    comments: list[Comment]
    comments_count: Count
    created_at: Time
    updated_at: Time


class Subject(Closed):
    """The conversation a ticket is about."""

    id: int
    conversation_id: str
    name: str | None


class Ticket(PlainTicket):
    """A ticket and what it is about."""

    conversation: Subject | None
    feedback: Feedback | None


class FeedbackDetail(Feedback):
    """One vote with the ticket made from it; in lists only with ``include_tickets=true``."""

    ticket: Ticket | UnsetType | None = UNSET


class FeedbackCounts(Closed):
    """Tallies of a list of feedback; those about tickets with ``include_tickets=true``."""

    all: Count
    tickets: Count | UnsetType = UNSET
    open_tickets: Count | UnsetType = UNSET
    backlog: Count | UnsetType = UNSET
    open: Count | UnsetType = UNSET
    in_progress: Count | UnsetType = UNSET
    in_review: Count | UnsetType = UNSET
    done: Count | UnsetType = UNSET
    closed: Count | UnsetType = UNSET


class FeedbackPage(Page[FeedbackDetail]):
    """One page of feedback."""

    counts: FeedbackCounts


class LegacyFeedback(Closed):
    """Feedback in the form of the 0.0.x SDKs."""

    id: int
    conversation: int
    conversation_id: str
    sentiment: Sentiment
    source: Literal["customer", "platform"]
    comment: str
    metadata: Object | None
    created_at: Time


class TokenTotals(Closed):
    """Sums of tokens; a column that is zero is left out."""

    total_tokens: Count
    prompt_tokens: Count | UnsetType = UNSET
    completion_tokens: Count | UnsetType = UNSET
    embedding_tokens: Count | UnsetType = UNSET
    cache_read_tokens: Count | UnsetType = UNSET
    cache_write_tokens: Count | UnsetType = UNSET
    reasoning_tokens: Count | UnsetType = UNSET
    audio_input_tokens: Count | UnsetType = UNSET
    audio_output_tokens: Count | UnsetType = UNSET


class ModelTokens(TokenTotals, kw_only=True):
    """Sums of one model and one source of its price."""

    model: str
    cost_source: str
    cost_usd: Money | None
    calls: Count


class ConversationTokens(Closed):
    """The tokens of a conversation."""

    totals: TokenTotals
    cost_usd: Money | None
    cost_sources: list[str]
    models: list[ModelTokens]


class ConversationFields(Closed, kw_only=True):
    """What every form of a conversation has."""

    id: int
    agent: int
    conversation_id: str
    name: str | None
    customer_id: str | None
    customer_ip_address: str | None
    device: str | None
    language: str | None
    source: str | None
    environment: str
    environment_id: int
    metadata: Object | None
    started_at: Time
    ended_at: Time | None
    is_marked: bool
    is_used: bool
    is_deleted: bool
    deleted_at: Time | None
    geo_location: Object | None


class Conversation(ConversationFields, kw_only=True):
    """A conversation in a list. Counts with ``full=false``, transcript and votes without."""

    message_count: Count | UnsetType = UNSET
    feedback_count: Count | UnsetType = UNSET
    messages: list[Message] | UnsetType = UNSET
    feedbacks: list[Feedback] | UnsetType = UNSET
    tickets: list[PlainTicket] | UnsetType = UNSET


class ConversationDetail(ConversationFields, kw_only=True):
    """A conversation with its transcript, votes, tickets and tokens."""

    messages: list[Message]
    feedbacks: list[Feedback]
    tickets: list[PlainTicket]
    token_usage: ConversationTokens | None

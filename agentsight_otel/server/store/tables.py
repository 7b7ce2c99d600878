"""The tables of the local server, alike on SQLite and PostgreSQL.

Conventions: every timestamp is an integer of microseconds since the Unix epoch (UTC); every row carries
``agent_id`` and every query names it; ``conversation`` is the integer primary key of a conversation and
``conversation_id`` the caller-chosen string, as in the REST contract. Primary keys grow with arrival, and
those that clients keep are never used again. ``event_key`` names what a row was made from, so that sending
anything twice makes no second row.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
    text,
)

from agentsight_otel.server.rows import ADDED_UP
from agentsight_otel.server.store.texts import String, Text

metadata = MetaData()

ID = BigInteger().with_variant(Integer, "sqlite")
"""On SQLite only the type INTEGER makes the key an alias of the row id."""
DOCUMENT = JSON(none_as_null=True)


def _id() -> Column[int]:
    return Column("id", ID, primary_key=True)


def _agent() -> Column[int]:
    return Column("agent_id", ID, ForeignKey("agents.id"), nullable=False)


def _conversation(*, nullable: bool = False) -> Column[int]:
    return Column(
        "conversation",
        ID,
        ForeignKey("conversations.id", ondelete="CASCADE"),
        nullable=nullable,
        index=nullable,
    )


def _message(*, nullable: bool = False) -> Column[int]:
    return Column("message", ID, ForeignKey("messages.id", ondelete="CASCADE"), nullable=nullable, index=True)


def _time(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, default=0)


def _added_count(name: str) -> Column[int]:
    """A count that a migration added, to rows that were there."""
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


settings = Table(
    "settings",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("value", Text, nullable=False),
)
"""Of the installation: schema version, the secret that signs file URLs."""

agents = Table(
    "agents",
    metadata,
    _id(),
    Column("name", String(255), nullable=False),
    _time("created_at"),
)

api_keys = Table(
    "api_keys",
    metadata,
    _id(),
    _agent(),
    Column("name", String(255), nullable=False, default=""),
    Column("prefix", String(16), nullable=False),
    Column("key_hash", String(64), nullable=False, unique=True),
    Column("role", String(10), nullable=False),
    _time("created_at"),
    _time("last_used_at", nullable=True),
    _time("expires_at", nullable=True),
    _time("revoked_at", nullable=True),
    *(_count(what) for what in ("accepted_count", "duplicate_count", "rejected_count")),
    *(_added_count(f"{age}_count") for age in ("ahead", "prompt", "minutes", "hours", "days")),
    *(_added_count(name) for name in ("ahead_us", "ahead_max_us")),
)
"""``key_hash`` is the SHA-256 of the key; the key itself is shown once and never stored.

The first counts are of ingest: spans that were new, spans that were there already, and requests that were
refused. The others are of requests with new spans, by the newest time in them: ahead of this machine's clock,
or less than a minute, an hour, a day, or more behind it. ``ahead_us`` adds up by how many microseconds those
were ahead, a day at most each, so that nothing overflows; ``ahead_max_us`` is the most.
"""

environments = Table(
    "environments",
    metadata,
    _id(),
    _agent(),
    Column("slug", String(50), nullable=False),
    Column("name", String(255), nullable=False),
    Column("is_production", Boolean, nullable=False, default=False),
    _time("created_at"),
    _time("updated_at"),
    UniqueConstraint("agent_id", "slug"),
)

imports = Table(
    "imports",
    metadata,
    _id(),
    _agent(),
    Column("filename", String(255), nullable=False, default=""),
    _count("conversation_count"),
    _count("message_count"),
    _time("created_at"),
)

conversations = Table(
    "conversations",
    metadata,
    _id(),
    _agent(),
    Column("conversation_id", String(255), nullable=False),
    *(Column(name, String(255)) for name in ("name", "customer_id", "device", "language", "source")),
    Column("customer_ip_address", String(45)),
    Column("environment_id", ID, ForeignKey("environments.id"), nullable=False),
    Column("metadata", DOCUMENT),
    Column("geo_location", DOCUMENT),
    Column("import_id", ID, ForeignKey("imports.id"), index=True),
    Column("is_marked", Boolean, nullable=False, default=False),
    Column("is_used", Boolean, nullable=False, default=False),
    _time("started_at"),
    _time("ended_at", nullable=True),
    _time("deleted_at", nullable=True),
    _time("created_at"),
    _time("updated_at"),
    _time("first_message_at", nullable=True),
    _time("last_message_at", nullable=True),
    _time("waiting_since", nullable=True),
    *(_count(f"{what}_count") for what in ("message", "user_message", "agent_message", "action", "button")),
    UniqueConstraint("agent_id", "conversation_id"),
    Index("ix_conversations_started", "agent_id", "started_at", "id"),
    Index("ix_conversations_customer", "agent_id", "customer_id"),
    Index(
        "ix_conversations_waiting",
        "agent_id",
        "environment_id",
        "started_at",
        sqlite_where=text("waiting_since IS NOT NULL"),
        postgresql_where=text("waiting_since IS NOT NULL"),
    ),
    sqlite_autoincrement=True,
)
"""``message_count`` counts every row of the transcript; the other counts split it by what the row is.

``waiting_since`` is when the user spoke who has not been answered yet, NULL when nobody waits.
``updated_at`` moves whenever anything of the conversation is written. Deleted is ``deleted_at IS NOT NULL``.
"""

messages = Table(
    "messages",
    metadata,
    _id(),
    _agent(),
    _conversation(),
    Column("event_key", String(80), nullable=False),
    Column("kind", String(10), nullable=False),
    _time("timestamp"),
    Column("sender", String(20), nullable=False),
    Column("content", Text, nullable=False),
    Column("action_name", String(255)),
    Column("metadata", DOCUMENT),
    Column("turn_id", String(16)),
    Column("span_id", String(16)),
    Column("response_ms", Float),
    _time("received_at"),
    UniqueConstraint("conversation", "event_key"),
    Index("ix_messages_transcript", "conversation", "timestamp", "id"),
    Index("ix_messages_facts", "agent_id", "timestamp", "kind", "sender", "conversation", "response_ms"),
    sqlite_autoincrement=True,
)
"""``kind``: ``message`` (somebody said it), or ``action``, ``button``, ``attachment`` (it stands for one).

``ix_messages_facts`` has everything the metrics read of a message, so that they need not visit the rows.
``response_ms`` stands on the first agent message after a user message: milliseconds since the last user
message before it; NULL elsewhere and over 24 hours.
"""

actions = Table(
    "actions",
    metadata,
    _id(),
    _agent(),
    Column("name", String(255), nullable=False),
    Column("display_name", String(255), nullable=False),
    Column("description", Text, nullable=False, default=""),
    _time("created_at"),
    UniqueConstraint("agent_id", "name"),
)

action_logs = Table(
    "action_logs",
    metadata,
    _id(),
    _agent(),
    _conversation(),
    Column("action", ID, ForeignKey("actions.id"), nullable=False),
    _message(),
    _time("timestamp"),
    _time("started_at", nullable=True),
    _time("ended_at", nullable=True),
    Column("duration_ms", Float),
    Column("tools_used", DOCUMENT),
    Column("response", Text),
    Column("error_message", Text, nullable=False, default=""),
    Column("metadata", DOCUMENT),
    Index("ix_action_logs_time", "agent_id", "timestamp"),
    Index("ix_action_logs_action", "action", "timestamp"),
    Index("ix_action_logs_conversation", "conversation", "action"),
)

buttons = Table(
    "buttons",
    metadata,
    _id(),
    _agent(),
    _conversation(),
    _message(),
    _time("timestamp"),
    Column("button_event", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("metadata", DOCUMENT),
    Index("ix_buttons_time", "agent_id", "timestamp"),
    Index("ix_buttons_conversation", "conversation"),
)

blobs = Table(
    "blobs",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("data", LargeBinary, nullable=False),
)
"""Attachment bytes where there is no folder for them (``:memory:`` and PostgreSQL)."""

attachments = Table(
    "attachments",
    metadata,
    _id(),
    _agent(),
    _conversation(),
    _message(),
    Column("upload_key", String(255)),
    Column("position", Integer, nullable=False, default=0),
    Column("type", String(10), nullable=False),
    Column("filename", String(255), nullable=False),
    Column("mime_type", String(255), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False, index=True),
    _time("created_at"),
    UniqueConstraint("agent_id", "upload_key", "position"),
    Index("ix_attachments_conversation", "conversation"),
    sqlite_autoincrement=True,
)

feedbacks = Table(
    "feedbacks",
    metadata,
    _id(),
    _agent(),
    Column("kind", String(20), nullable=False),
    _conversation(nullable=True),
    Column("message", ID, ForeignKey("messages.id", ondelete="CASCADE"), unique=True),
    Column("environment_id", ID, ForeignKey("environments.id"), nullable=False),
    Column("event_key", String(80)),
    Column("sentiment", String(10), nullable=False),
    Column("category", String(50)),
    Column("topic", String(50)),
    Column("reason", String(50)),
    Column("comment", Text, nullable=False, default=""),
    Column("source", String(10), nullable=False, default="customer"),
    Column("metadata", DOCUMENT),
    _time("created_at"),
    _time("updated_at"),
    UniqueConstraint("conversation", "event_key"),
    Index("ix_feedbacks_time", "agent_id", "created_at"),
    sqlite_autoincrement=True,
)
"""``kind``: ``conversation``, ``agent`` or ``message``; only message feedback names a message, and once."""

tickets = Table(
    "tickets",
    metadata,
    _id(),
    _agent(),
    Column("title", String(255), nullable=False),
    Column("status", String(20), nullable=False),
    Column("priority", String(10)),
    Column("tags", DOCUMENT, nullable=False),
    Column("environment_id", ID, ForeignKey("environments.id"), nullable=False),
    _conversation(nullable=True),
    Column("feedback", ID, ForeignKey("feedbacks.id", ondelete="SET NULL"), index=True),
    Column("author", String(255), nullable=False, default=""),
    _time("created_at"),
    _time("updated_at"),
    Index("ix_tickets_time", "agent_id", "created_at"),
    sqlite_autoincrement=True,
)

comments = Table(
    "comments",
    metadata,
    _id(),
    _agent(),
    Column("ticket", ID, ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("author", String(255), nullable=False),
    Column("role", String(10), nullable=False),
    Column("body", Text, nullable=False),
    _time("created_at"),
)

token_usage = Table(
    "token_usage",
    metadata,
    _id(),
    _agent(),
    _conversation(),
    Column("event_key", String(300), nullable=False),
    Column("turn_id", String(16)),
    Column("model", String(255), nullable=False),
    Column("provider", String(255)),
    *(_count(name) for name in ADDED_UP),
    Column("cost_usd_e8", BigInteger),
    Column("cost_usd_reported_e8", BigInteger),
    Column("cost_source", String(10), nullable=False),
    Column("price_source", String(50)),
    Column("incomplete", Boolean, nullable=False, default=False),
    Column("incomplete_reason", String(50)),
    _time("started_at"),
    _time("ended_at"),
    UniqueConstraint("conversation", "event_key"),
    Index("ix_token_usage_time", "agent_id", "started_at"),
)
"""One row per (turn, model). Costs are integers of 1e-8 US dollars: sums are exact; NULL is unpriced."""

spans = Table(
    "spans",
    metadata,
    _id(),
    _agent(),
    _conversation(),
    Column("span_id", String(16), nullable=False),
    Column("trace_id", String(32), nullable=False),
    Column("parent_span_id", String(16)),
    Column("kind", String(50), nullable=False),
    Column("name", Text, nullable=False),
    _time("started_at"),
    _time("ended_at"),
    Column("duration_ms", Float),
    Column("status", String(10), nullable=False),
    Column("turn_id", String(16)),
    Column("turn_complete", Boolean),
    Column("incomplete_reason", String(50)),
    Column("payload", Text, nullable=False),
    _time("received_at"),
    UniqueConstraint("conversation", "span_id"),
    Index("ix_spans_trace", "agent_id", "trace_id"),
    Index(
        "ix_spans_arrivals", "agent_id", "started_at", "ended_at", "received_at", "status", "turn_complete"
    ),
)
"""The archive everything else was made from; ``payload`` is the span as it was ingested, byte for byte.

``turn_complete`` is NULL for every span that is not a turn.
"""

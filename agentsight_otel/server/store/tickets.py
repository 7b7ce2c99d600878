"""Tickets and their threads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    String,
    cast,
    delete,
    insert,
    or_,
    update,
)

from agentsight_otel.encoding import encode_json_str
from agentsight_otel.server.clock import now_us
from agentsight_otel.server.store.filters import between, contains, exactly
from agentsight_otel.server.store.listing import Listing
from agentsight_otel.server.store.tables import comments, conversations, environments, tickets

ORDERINGS = ("created_at", "updated_at", "id", "title", "status", "priority")


class TicketFilter(msgspec.Struct, kw_only=True):
    """Which tickets; None means no condition."""

    status: Sequence[str] = ()
    priority: str | None = None
    conversation: int | None = None
    conversation_id: str | None = None
    feedback: Sequence[int] = ()
    has_conversation: bool | None = None
    has_feedback: bool | None = None
    tags: Sequence[str] = ()
    search: str | None = None
    created_after: int | None = None
    created_before: int | None = None
    updated_after: int | None = None
    updated_before: int | None = None


def conditions(agent_id: int, wanted: TicketFilter, dialect: str) -> list[ColumnElement[bool]]:
    """Return the conditions for a filter."""
    t = tickets.c
    found = [t.agent_id == agent_id, *exactly(t, wanted, ("priority", "conversation"))]
    if wanted.status:
        found.append(t.status.in_(wanted.status))
    if wanted.conversation_id is not None:
        found.append(conversations.c.conversation_id == wanted.conversation_id)
    if wanted.feedback:
        found.append(t.feedback.in_(wanted.feedback))
    if wanted.has_conversation is not None:
        found.append(t.conversation.is_not(None) if wanted.has_conversation else t.conversation.is_(None))
    if wanted.has_feedback is not None:
        found.append(t.feedback.is_not(None) if wanted.has_feedback else t.feedback.is_(None))
    if wanted.tags:
        document = cast(t.tags, String)
        found.append(or_(*(document.contains(encode_json_str(tag), autoescape=True) for tag in wanted.tags)))
    if wanted.search:
        found.append(contains(t.title, wanted.search, dialect))
    found += between(t.created_at, wanted.created_after, wanted.created_before)
    return found + between(t.updated_at, wanted.updated_after, wanted.updated_before)


_LISTED: Final = Listing(
    tickets,
    tickets.join(environments, environments.c.id == tickets.c.environment_id).outerjoin(
        conversations, conversations.c.id == tickets.c.conversation
    ),
    (
        environments.c.slug.label("environment"),
        conversations.c.conversation_id.label("conversation_id"),
        conversations.c.name.label("conversation_name"),
    ),
)
count, page, one = _LISTED.count, _LISTED.page, _LISTED.one


def add(connection: Connection, agent_id: int, values: dict[str, Any]) -> int:
    """Write a ticket and return its id."""
    now = now_us()
    row = {**values, "agent_id": agent_id, "created_at": now, "updated_at": now}
    made: int = connection.execute(insert(tickets).values(**row).returning(tickets.c.id)).scalar_one()
    return made


def change(connection: Connection, agent_id: int, ticket: int, values: dict[str, Any]) -> bool:
    """Set columns; False when the agent has no such ticket."""
    mine = (tickets.c.agent_id == agent_id) & (tickets.c.id == ticket)
    return connection.execute(update(tickets).where(mine).values(**values, updated_at=now_us())).rowcount > 0


def remove(connection: Connection, agent_id: int, ticket: int) -> bool:
    """Delete a ticket and its thread; False when the agent has no such ticket."""
    mine = (tickets.c.agent_id == agent_id) & (tickets.c.id == ticket)
    return connection.execute(delete(tickets).where(mine)).rowcount > 0


def add_comment(connection: Connection, agent_id: int, ticket: int, author: str, body: str) -> RowMapping:
    """Add a comment to a ticket and return its row."""
    row = {"agent_id": agent_id, "ticket": ticket, "author": author, "role": "agent", "body": body}
    statement = insert(comments).values(**row, created_at=now_us()).returning(*comments.c)
    made = connection.execute(statement).mappings().one()
    change(connection, agent_id, ticket, {})
    return made

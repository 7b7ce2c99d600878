"""Feedback of every kind: on conversations, on the agent, and one vote per message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from agentsight_otel.server.clock import now_us
from agentsight_otel.server.store.filters import between, contains, exactly
from agentsight_otel.server.store.listing import Listing
from agentsight_otel.server.store.tables import conversations, environments, feedbacks, tickets

ORDERINGS = ("created_at", "id", "kind", "sentiment", "category")


class FeedbackFilter(msgspec.Struct, kw_only=True):
    """Which feedback; None means no condition."""

    kind: str | None = None
    sentiment: str | None = None
    conversation: int | None = None
    conversation_id: str | None = None
    message: int | None = None
    topic: str | None = None
    reason: str | None = None
    category: str | None = None
    environment_id: int | None = None
    has_comment: bool | None = None
    comment_contains: str | None = None
    search: str | None = None
    created_after: int | None = None
    created_before: int | None = None
    with_ticket: bool = False
    has_ticket: bool | None = None
    ticket_status: Sequence[str] = ()


_EXACT = ("kind", "sentiment", "conversation", "message", "topic", "reason", "category", "environment_id")


def conditions(agent_id: int, wanted: FeedbackFilter, dialect: str) -> list[ColumnElement[bool]]:
    """Return the conditions for a filter, all but the status of tickets."""
    f = feedbacks.c
    found = [f.agent_id == agent_id, *exactly(f, wanted, _EXACT)]
    if wanted.conversation_id is not None:
        found.append(conversations.c.conversation_id == wanted.conversation_id)
    if wanted.has_comment is not None:
        found.append(f.comment != "" if wanted.has_comment else f.comment == "")
    if wanted.comment_contains:
        found.append(contains(f.comment, wanted.comment_contains, dialect))
    if wanted.search:
        columns = (f.comment, conversations.c.conversation_id)
        found.append(or_(*(contains(column, wanted.search, dialect) for column in columns)))
    found += between(f.created_at, wanted.created_after, wanted.created_before)
    if wanted.with_ticket and wanted.has_ticket is not False:
        found.append(exists(_ticket_of_feedback()))
    if wanted.has_ticket is False:
        found.append(~exists(_ticket_of_feedback()))
    return found


_made = tickets.alias("made")


def _ticket_of_feedback() -> Select[Any]:
    return select(_made.c.id).where(_made.c.feedback == feedbacks.c.id)


def with_status(found: list[ColumnElement[bool]], statuses: Sequence[str]) -> list[ColumnElement[bool]]:
    """Add the condition that a ticket made from the feedback has one of these statuses."""
    return [*found, exists(_ticket_of_feedback().where(_made.c.status.in_(statuses)))] if statuses else found


_LISTED: Final = Listing(
    feedbacks,
    feedbacks.join(environments, environments.c.id == feedbacks.c.environment_id).outerjoin(
        conversations, conversations.c.id == feedbacks.c.conversation
    ),
    (
        environments.c.slug.label("environment"),
        conversations.c.conversation_id.label("conversation_id"),
    ),
)
count, page, one = _LISTED.count, _LISTED.page, _LISTED.one


def tally(connection: Connection, where: list[ColumnElement[bool]]) -> dict[str, int]:
    """Return how many tickets were made from matching feedback, by status."""
    joined = _LISTED.joined.join(tickets, tickets.c.feedback == feedbacks.c.id)
    query = select(tickets.c.status, func.count()).select_from(joined).where(*where)
    return dict(connection.execute(query.group_by(tickets.c.status)).all())


def add(connection: Connection, agent_id: int, values: dict[str, Any]) -> int:
    """Write feedback and return its id."""
    now = now_us()
    row = {"source": "customer", **values, "agent_id": agent_id, "created_at": now, "updated_at": now}
    made: int = connection.execute(insert(feedbacks).values(**row).returning(feedbacks.c.id)).scalar_one()
    return made


def vote_on(connection: Connection, agent_id: int, message: int) -> int | None:
    """Return the id of the vote on a message; None when nobody has voted."""
    f = feedbacks.c
    found: int | None = connection.scalar(select(f.id).where(f.agent_id == agent_id, f.message == message))
    return found


def change(connection: Connection, agent_id: int, feedback: int, values: dict[str, Any]) -> bool:
    """Set columns; False when the agent has no such feedback."""
    mine = (feedbacks.c.agent_id == agent_id) & (feedbacks.c.id == feedback)
    return (
        connection.execute(update(feedbacks).where(mine).values(**values, updated_at=now_us())).rowcount > 0
    )


def remove(connection: Connection, agent_id: int, feedback: int) -> bool:
    """Delete for good; False when the agent has no such feedback."""
    mine = (feedbacks.c.agent_id == agent_id) & (feedbacks.c.id == feedback)
    return connection.execute(delete(feedbacks).where(mine)).rowcount > 0

"""How much: conversations, users, messages, and how far conversations went."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, case, distinct, func, select

from agentsight_otel.server.analytics.scope import PEOPLE, Scope
from agentsight_otel.server.analytics.statistics import rate
from agentsight_otel.server.store.tables import conversations, messages

REACH = (1, 2, 3, 5, 10)


class Volumes(NamedTuple):
    """Counts over the conversations that started in a period, and the messages sent in it.

    Attributes:
        conversations: All that started.
        used: Those in which somebody interacted.
        users: Different customer ids.
        anonymous: Conversations without a customer id.
        messages: Messages sent in the period, in any conversation.
        own_messages: Messages of the conversations that started in the period, whenever sent.
        bounced: Used conversations with exactly one user message.
        reach: Used conversations with at least as many user messages as ``REACH`` says.
        duration_ms: Mean duration of the conversations with two messages or more.
        timed: How many those are.
    """

    conversations: int
    used: int
    users: int
    anonymous: int
    messages: int
    own_messages: int
    bounced: int
    reach: tuple[int, ...]
    duration_ms: float | None
    timed: int

    @property
    def per_conversation(self) -> float | None:
        """Messages per used conversation."""
        return rate(self.own_messages, self.used)

    @property
    def interaction(self) -> float | None:
        """Share of the conversations that were used."""
        return rate(self.used, self.conversations)

    @property
    def bounce(self) -> float | None:
        """Share of the used conversations with exactly one user message."""
        return rate(self.bounced, self.used)


def volumes(connection: Connection, scope: Scope) -> Volumes:
    """Count."""
    c = conversations.c
    said = c.user_message_count + c.agent_message_count
    length = func.coalesce(c.ended_at, c.last_message_at) - c.first_message_at
    clamped = case((length < 0, 0), else_=length)
    row = connection.execute(
        select(
            func.count(),
            func.sum(case((c.is_used, 1), else_=0)),
            func.count(distinct(c.customer_id)),
            func.sum(case((c.customer_id.is_(None), 1), else_=0)),
            func.sum(said),
            func.sum(case((c.is_used & (c.user_message_count == 1), 1), else_=0)),
            func.sum(case((said >= 2, clamped), else_=0)),
            func.sum(case((said >= 2, 1), else_=0)),
            *(func.sum(case((c.is_used & (c.user_message_count >= turns), 1), else_=0)) for turns in REACH),
        ).where(scope.started())
    ).one()
    count, used, users, anonymous, own, bounced, total, timed, *reach = (int(value or 0) for value in row)
    mean = total / timed / 1000 if timed else None
    return Volumes(
        count,
        used,
        users,
        anonymous,
        sent_messages(connection, scope),
        own,
        bounced,
        tuple(reach),
        mean,
        timed,
    )


def sent_messages(connection: Connection, scope: Scope) -> int:
    """Count the messages of users and agents sent in the period."""
    return connection.execute(
        select(func.count())
        .select_from(messages)
        .where(
            messages.c.agent_id == scope.agent,
            scope.within(messages.c.timestamp),
            messages.c.kind == "message",
            messages.c.sender.in_(PEOPLE),
            scope.belongs(messages.c.conversation),
        )
    ).scalar_one()

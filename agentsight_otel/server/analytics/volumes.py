"""How much: conversations, users, messages, and how far conversations went."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection

from agentsight_otel.server.analytics.hours import read
from agentsight_otel.server.analytics.lines import LINES
from agentsight_otel.server.analytics.scope import Scope
from agentsight_otel.server.analytics.statistics import rate
from agentsight_otel.server.analytics.talks import REACH, TALKS

__all__ = ["REACH", "Volumes", "volumes"]


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
    talks = [part for _, part in read(connection, scope, TALKS)]
    timed = sum(part.timed for part in talks)
    people: set[str] = set()
    people.update(*(part.customers for part in talks))
    reach = [sum(counts) for counts in zip(*(part.reach for part in talks), strict=True)]
    return Volumes(
        sum(sum(part.started) for part in talks),
        sum(part.used for part in talks),
        len(people),
        sum(part.anonymous for part in talks),
        sum(sum(part.sent) for _, part in read(connection, scope, LINES)),
        sum(part.own for part in talks),
        sum(part.bounced for part in talks),
        tuple(reach) or (0,) * len(REACH),
        sum(part.length for part in talks) / timed / 1000 if timed else None,
        timed,
    )

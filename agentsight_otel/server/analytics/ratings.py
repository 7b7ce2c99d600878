"""What customers said about the conversations."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Select, func, select

from agentsight_otel.server.analytics.hours import quarter_of, read
from agentsight_otel.server.analytics.local_time import local_quarter
from agentsight_otel.server.analytics.scope import Scope
from agentsight_otel.server.analytics.statistics import rate, wilson
from agentsight_otel.server.analytics.talks import TALKS
from agentsight_otel.server.store.tables import conversations, feedbacks

SENTIMENTS: Final = ("positive", "neutral", "negative")


class Ratings(NamedTuple):
    """Latest customer rating per conversation, over the conversations that started in a period.

    Attributes:
        split: Conversations by sentiment.
        rated_used: Used conversations with a rating.
        used: Used conversations.
    """

    split: dict[str, int]
    rated_used: int
    used: int

    @property
    def rated(self) -> int:
        """Rated conversations."""
        return sum(self.split.values())

    @property
    def satisfaction(self) -> float | None:
        """Share of the rated conversations whose latest rating is positive."""
        return rate(self.split["positive"], self.rated)

    @property
    def rated_share(self) -> float | None:
        """Share of the used conversations that were rated."""
        return rate(self.rated_used, self.used)

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % Wilson interval of the satisfaction."""
        return wilson(self.split["positive"], self.rated)


def ratings(connection: Connection, scope: Scope) -> Ratings:
    """Count."""
    split: Counter[str] = Counter(dict.fromkeys(SENTIMENTS, 0))
    talks = [part for _, part in read(connection, scope, TALKS)]
    for part in talks:
        split.update(part.rated)
    return Ratings(split, sum(part.rated_used for part in talks), sum(part.used for part in talks))


def ratings_by_step(connection: Connection, scope: Scope) -> dict[date, dict[str, int]]:
    """Count the customers' ratings of conversations and messages given in each step, by sentiment."""
    quarter = quarter_of(feedbacks.c.created_at)
    query = _given(select(quarter, feedbacks.c.sentiment, func.count()), scope)
    steps = {step: dict.fromkeys(SENTIMENTS, 0) for step in scope.period.steps}
    for found, sentiment, count in connection.execute(query.group_by(quarter, feedbacks.c.sentiment)):
        step = scope.period.step_of(local_quarter(scope.period.zone, int(found)))
        steps[step][sentiment] = steps[step].get(sentiment, 0) + count
    return steps


def _given(query: Select[Any], scope: Scope) -> Select[Any]:
    f = feedbacks.c
    joined = feedbacks.outerjoin(conversations, f.conversation == conversations.c.id)
    return query.select_from(joined).where(
        f.agent_id == scope.agent,
        f.environment_id == scope.environment,
        f.source == "customer",
        conversations.c.deleted_at.is_(None),
        scope.within(f.created_at),
    )


class Comment(NamedTuple):
    """One rating with what was written."""

    id: int
    kind: str
    sentiment: str
    comment: str
    topic: str | None
    created_at: int
    conversation: int | None
    message: int | None
    name: str | None
    conversation_id: str | None
    customer_id: str | None


def comments(
    connection: Connection, scope: Scope, *, sentiment: str | None, written: bool, limit: int
) -> list[Comment]:
    """Return the newest ratings of the period; *written* leaves out those without a comment."""
    f, c = feedbacks.c, conversations.c
    query = _given(
        select(
            f.id,
            f.kind,
            f.sentiment,
            f.comment,
            f.topic,
            f.created_at,
            f.conversation,
            f.message,
            c.name,
            c.conversation_id,
            c.customer_id,
        ),
        scope,
    )
    if sentiment is not None:
        query = query.where(f.sentiment == sentiment)
    if written:
        query = query.where(f.comment != "")
    rows = connection.execute(query.order_by(f.created_at.desc(), f.id.desc()).limit(limit))
    return [Comment(*row) for row in rows]

"""How conversations ended: handed over, contained, abandoned."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import Connection, func, select

from agentsight_otel.server.analytics.hours import read
from agentsight_otel.server.analytics.scope import Scope, micros
from agentsight_otel.server.analytics.statistics import rate
from agentsight_otel.server.analytics.talks import TALKS
from agentsight_otel.server.store.tables import actions, conversations

ABANDONED_AFTER: Final = timedelta(minutes=30)


class Outcomes(NamedTuple):
    """Counts over the used conversations that started in a period."""

    used: int
    escalated: int
    abandoned: int

    @property
    def escalation(self) -> float | None:
        """Share that was handed over to a person."""
        return rate(self.escalated, self.used)

    @property
    def containment(self) -> float | None:
        """Share that was not."""
        return rate(self.used - self.escalated, self.used)

    @property
    def abandonment(self) -> float | None:
        """Share that ended with an unanswered message of the user."""
        return rate(self.abandoned, self.used)


def outcomes(connection: Connection, scope: Scope, now: datetime) -> Outcomes:
    """Count."""
    a, c = actions.c, conversations.c
    named = select(a.id).where(a.agent_id == scope.agent, a.name.in_(scope.escalation))
    handovers = set(connection.scalars(named))
    waiting = select(func.count()).select_from(conversations).where(scope.started(), c.is_used)
    waiting = waiting.where(c.waiting_since <= micros(now - ABANDONED_AFTER))
    talks = [part for _, part in read(connection, scope, TALKS)]
    return Outcomes(
        sum(part.used for part in talks),
        sum(count for part in talks for ran, count in part.acted if not handovers.isdisjoint(ran)),
        connection.execute(waiting).scalar_one(),
    )

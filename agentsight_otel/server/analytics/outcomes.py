"""How conversations ended: handed over, contained, abandoned."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, func, select

from agentsight_otel.server.analytics.scope import Scope, micros
from agentsight_otel.server.analytics.statistics import rate
from agentsight_otel.server.store.tables import action_logs, actions, conversations

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
    used = select(func.count()).select_from(conversations).where(scope.started(), conversations.c.is_used)
    return Outcomes(
        connection.execute(used).scalar_one(),
        connection.execute(used.where(is_escalated(scope))).scalar_one(),
        connection.execute(used.where(is_abandoned(now))).scalar_one(),
    )


def is_escalated(scope: Scope) -> ColumnElement[bool]:
    """The conversation, which began in the period, ran an action that hands over to a person."""
    named = select(actions.c.id).where(
        actions.c.agent_id == scope.agent, actions.c.name.in_(scope.escalation)
    )
    ran = select(action_logs.c.conversation).where(
        action_logs.c.agent_id == scope.agent,
        action_logs.c.action.in_(named),
        action_logs.c.timestamp >= scope.start,
    )
    return conversations.c.id.in_(ran)


def is_abandoned(now: datetime) -> ColumnElement[bool]:
    """The conversation's last message is the user's and has waited long enough."""
    return conversations.c.waiting_since <= micros(now - ABANDONED_AFTER)

"""What a metric is asked about: agent, environment and period, and the SQL conditions that say so."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, and_

from agentsight_otel.server.analytics.period import Period
from agentsight_otel.server.store.tables import conversations

ESCALATION_ACTIONS: Final = ("fallback_to_human", "open_ticket", "ticket", "contact_human")
PEOPLE: Final = ("end_user", "agent")
"""Senders whose messages count; the system's do not."""
MICROSECONDS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Scope:
    """The question's frame.

    Attributes:
        agent: Primary key of the agent.
        environment: Primary key of the environment.
        period: The days.
        escalation: Names of the actions that hand over to a person.
    """

    agent: int
    environment: int
    period: Period
    escalation: tuple[str, ...] = ESCALATION_ACTIONS

    @property
    def start(self) -> int:
        """First microsecond of the period since the Unix epoch."""
        return micros(self.period.start)

    @property
    def end(self) -> int:
        """First microsecond after the period."""
        return micros(self.period.end)

    def previous(self) -> Scope:
        """Return the same question about the period just before."""
        return replace(self, period=self.period.previous())

    def living(self) -> ColumnElement[bool]:
        """Conversations of the agent and environment that are not deleted."""
        return and_(
            conversations.c.agent_id == self.agent,
            conversations.c.environment_id == self.environment,
            conversations.c.deleted_at.is_(None),
        )

    def started(self) -> ColumnElement[bool]:
        """Living conversations that started in the period."""
        return and_(self.living(), self.within(conversations.c.started_at))

    def within(self, moment: ColumnElement[int]) -> ColumnElement[bool]:
        """The time lies in the period."""
        return and_(moment >= self.start, moment < self.end)


def micros(moment: datetime) -> int:
    """Return the instant as microseconds since the Unix epoch, exactly."""
    whole = int(moment.replace(microsecond=0).timestamp())
    return whole * MICROSECONDS + moment.microsecond

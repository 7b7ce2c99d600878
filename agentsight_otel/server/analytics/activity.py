"""When: counts by quarter of an hour, folded into local days and hours.

The database counts quarters in UTC, which every time zone of today is a whole number of away from; the
folding into days and hours happens here, on the zone's own clock, so summer time needs no special case.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Column, Connection, Select, func, literal_column, select

from agentsight_otel.server.analytics.period import Period
from agentsight_otel.server.analytics.scope import PEOPLE, Scope
from agentsight_otel.server.store.tables import conversations, messages

QUARTER = 900
_QUARTER_US = QUARTER * 1_000_000


class Activity(NamedTuple):
    """Counts by quarter of an hour since the Unix epoch."""

    conversations: Mapping[int, int]
    messages: Mapping[int, int]


def activity(connection: Connection, scope: Scope) -> Activity:
    """Count the conversations started and the messages sent in each quarter of an hour."""
    started = _by_quarter(conversations.c.started_at).where(scope.started())
    sent = (
        _by_quarter(messages.c.timestamp)
        .select_from(messages)
        .where(
            messages.c.agent_id == scope.agent,
            scope.within(messages.c.timestamp),
            messages.c.kind == "message",
            messages.c.sender.in_(PEOPLE),
            scope.belongs(messages.c.conversation),
        )
    )
    return Activity(_counts(connection, started), _counts(connection, sent))


def by_day(counts: Mapping[int, int], period: Period) -> dict[date, int]:
    """Fold into local days, every day of the period present."""
    days = dict.fromkeys(period.days, 0)
    for quarter, count in counts.items():
        days[_local(quarter, period).date()] += count
    return days


def by_hour(counts: Mapping[int, int], period: Period) -> list[list[int]]:
    """Fold into seven weekdays, Monday first, of twenty-four hours."""
    week = [[0] * 24 for _ in range(7)]
    for quarter, count in counts.items():
        moment = _local(quarter, period)
        week[moment.weekday()][moment.hour] += count
    return week


def quarter_of(moment: Column[int]) -> Any:
    """The quarter of an hour a time of microseconds lies in, as an SQL expression.

    The length is no parameter, so that PostgreSQL sees that SELECT and GROUP BY mean the same.
    """
    return moment // literal_column(str(_QUARTER_US), BigInteger)


def _by_quarter(moment: Column[int]) -> Select[Any, Any]:
    quarter = quarter_of(moment)
    return select(quarter, func.count()).group_by(quarter)


def _counts(connection: Connection, query: Select[Any, Any]) -> dict[int, int]:
    return {int(row[0]): row[1] for row in connection.execute(query)}


def _local(quarter: int, period: Period) -> datetime:
    return period.local(datetime.fromtimestamp(quarter * QUARTER, UTC))

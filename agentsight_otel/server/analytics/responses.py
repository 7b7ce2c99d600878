"""How fast the agent answers."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import NamedTuple

from sqlalchemy import Connection, select

from agentsight_otel.server.analytics.activity import QUARTER
from agentsight_otel.server.analytics.period import Period
from agentsight_otel.server.analytics.scope import Scope
from agentsight_otel.server.analytics.statistics import Spread, distribution, spread
from agentsight_otel.server.store.tables import messages


class Responses(NamedTuple):
    """The answers of a period.

    Attributes:
        overall: Count, mean, median and 95th percentile in milliseconds.
        buckets: How many answers lie in each bucket of `statistics.BUCKET_EDGES`.
        days: The same as *overall* for every local day.
    """

    overall: Spread
    buckets: list[int]
    days: dict[date, Spread]


def responses(connection: Connection, scope: Scope) -> Responses:
    """Measure from a user's last message to the agent's first one after it; see the definitions."""
    rows = connection.execute(
        select(messages.c.timestamp, messages.c.response_ms)
        .select_from(messages)
        .where(
            messages.c.agent_id == scope.agent,
            scope.within(messages.c.timestamp),
            messages.c.response_ms.is_not(None),
            scope.belongs(messages.c.conversation),
        )
    )
    by_quarter: dict[int, list[float]] = {}
    for moment, value in rows:
        by_quarter.setdefault(moment // (QUARTER * 1_000_000), []).append(value)
    everything = [value for values in by_quarter.values() for value in values]
    return Responses(spread(everything), distribution(everything), _days(by_quarter, scope.period))


def _days(by_quarter: dict[int, list[float]], period: Period) -> dict[date, Spread]:
    days: dict[date, list[float]] = {day: [] for day in period.days}
    for quarter, values in by_quarter.items():
        moment = period.local(datetime.fromtimestamp(quarter * QUARTER, UTC))
        days[moment.date()].extend(values)
    return {day: spread(values) for day, values in days.items()}

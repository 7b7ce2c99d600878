"""When: counts by quarter of an hour, folded into local days and hours.

Every time zone of today is a whole number of quarters away from UTC, in which they are counted; the folding
into days and hours happens here, on the zone's own clock, so summer time needs no special case.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Column, Connection, literal_column

from agentsight_otel.server.analytics.hours import QUARTERS, read
from agentsight_otel.server.analytics.lines import LINES
from agentsight_otel.server.analytics.local_time import day_of, hour_of, local_quarter
from agentsight_otel.server.analytics.period import Period
from agentsight_otel.server.analytics.scope import Scope
from agentsight_otel.server.analytics.talks import TALKS

QUARTER = 900
_QUARTER_US = QUARTER * 1_000_000


class Activity(NamedTuple):
    """Counts by quarter of an hour since the Unix epoch."""

    conversations: Mapping[int, int]
    messages: Mapping[int, int]


def activity(connection: Connection, scope: Scope) -> Activity:
    """Count the conversations started and the messages sent in each quarter of an hour."""
    return Activity(
        _counts((hour, part.started) for hour, part in read(connection, scope, TALKS)),
        _counts((hour, part.sent) for hour, part in read(connection, scope, LINES)),
    )


def by_day(counts: Mapping[int, int], period: Period) -> dict[date, int]:
    """Fold into local days, every day of the period present."""
    days = dict.fromkeys(period.days, 0)
    for quarter, count in counts.items():
        days[day_of(_local(quarter, period))] += count
    return days


def by_hour(counts: Mapping[int, int], period: Period) -> list[list[int]]:
    """Fold into seven weekdays, Monday first, of twenty-four hours."""
    week = [[0] * 24 for _ in range(7)]
    for quarter, count in counts.items():
        weekday, hour = hour_of(_local(quarter, period))
        week[weekday][hour] += count
    return week


def quarter_of(moment: Column[int]) -> Any:
    """The quarter of an hour a time of microseconds lies in, as an SQL expression.

    The length is no parameter, so that PostgreSQL sees that SELECT and GROUP BY mean the same.
    """
    return moment // literal_column(str(_QUARTER_US), BigInteger)


def _counts(parts: Iterable[tuple[int, Sequence[int]]]) -> dict[int, int]:
    """By quarter since the Unix epoch; the parts of one hour that a period cuts through are added."""
    found: Counter[int] = Counter()
    for hour, counts in parts:
        for place, count in enumerate(counts):
            if count:
                found[hour * QUARTERS + place] += count
    return found


def _local(quarter: int, period: Period) -> int:
    return local_quarter(period.zone, quarter)

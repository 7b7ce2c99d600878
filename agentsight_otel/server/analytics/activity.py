"""When: counts by hour of the zone's own clock, folded into steps of a period and hours of the week.

Where summer time ends, an hour of the clock has the counts of two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from agentsight_otel.server.analytics.hours import QUARTERS, read
from agentsight_otel.server.analytics.lines import LINES
from agentsight_otel.server.analytics.local_time import hour_of, local_quarters
from agentsight_otel.server.analytics.period import Period
from agentsight_otel.server.analytics.scope import Scope
from agentsight_otel.server.analytics.talks import TALKS


class Activity(NamedTuple):
    """Counts by local hour, which its first local quarter stands for."""

    conversations: Mapping[int, int]
    messages: Mapping[int, int]


def activity(connection: Connection, scope: Scope) -> Activity:
    """Count the conversations started and the messages sent in each hour."""
    zone = scope.period.zone
    return Activity(
        _counts(zone, ((hour, part.started) for hour, part in read(connection, scope, TALKS))),
        _counts(zone, ((hour, part.sent) for hour, part in read(connection, scope, LINES))),
    )


def by_step(counts: Mapping[int, int], period: Period) -> dict[date, int]:
    """Fold into the steps of the period, all of them present."""
    steps, step_of = dict.fromkeys(period.steps, 0), period.step_of
    for quarter, count in counts.items():
        steps[step_of(quarter)] += count
    return steps


def by_hour(counts: Mapping[int, int]) -> list[list[int]]:
    """Fold into seven weekdays, Monday first, of twenty-four hours."""
    week = [[0] * 24 for _ in range(7)]
    for quarter, count in counts.items():
        weekday, hour = hour_of(quarter)
        week[weekday][hour] += count
    return week


def _counts(zone: ZoneInfo, parts: Iterable[tuple[int, Sequence[int]]]) -> dict[int, int]:
    found: Counter[int] = Counter()
    for hour, counts in parts:
        quarters = local_quarters(zone, hour * QUARTERS, len(counts))
        for quarter, count in zip(quarters, counts, strict=True):
            if count:
                found[quarter // QUARTERS * QUARTERS] += count
    return found

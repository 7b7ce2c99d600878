"""How fast the agent answers."""

from __future__ import annotations

from array import array
from datetime import date
from typing import NamedTuple

from sqlalchemy import Connection

from agentsight_otel.server.analytics.hours import QUARTERS, read
from agentsight_otel.server.analytics.lines import LINES
from agentsight_otel.server.analytics.local_time import day_of, local_quarter
from agentsight_otel.server.analytics.packed import floats
from agentsight_otel.server.analytics.scope import Scope
from agentsight_otel.server.analytics.statistics import Spread, distribution, joined_spread, spread


class Responses(NamedTuple):
    """The answers of a period.

    Attributes:
        overall: Count, mean, median and 95th percentile in milliseconds.
        buckets: How many answers lie in each bucket of `statistics.BUCKET_EDGES`.
        days: The same as *overall* for every local day, if wanted.
    """

    overall: Spread
    buckets: list[int]
    days: dict[date, Spread]


def responses(connection: Connection, scope: Scope, *, by_day: bool = True) -> Responses:
    """Measure from a user's last message to the agent's first one after it; see the definitions.

    Args:
        connection: The database.
        scope: What is asked about.
        by_day: Whether the days are wanted; they take most of the time.
    """
    hours = [(hour, part, floats(part.answers)) for hour, part in read(connection, scope, LINES)]
    runs = [values for _, _, values in hours]
    days = {day: array("d") for day in scope.period.days} if by_day else {}
    for hour, part, values in hours if by_day else ():
        first, *_, last = (day_of(local_quarter(scope.period.zone, hour, place)) for place in range(QUARTERS))
        if first == last:
            days[first].extend(values)
            continue
        for value, place in zip(values, part.places, strict=True):
            days[day_of(local_quarter(scope.period.zone, hour, place))].append(value)
    spreads = {day: spread(values) for day, values in days.items()}
    return Responses(joined_spread(runs), distribution(runs), spreads)

"""How fast the agent answers."""

from __future__ import annotations

import itertools
from array import array
from datetime import date
from typing import NamedTuple

from sqlalchemy import Connection

from agentsight_otel.server.analytics.hours import QUARTERS, read
from agentsight_otel.server.analytics.lines import LINES
from agentsight_otel.server.analytics.local_time import day_of, local_quarter
from agentsight_otel.server.analytics.packed import floats
from agentsight_otel.server.analytics.scope import Scope
from agentsight_otel.server.analytics.statistics import Spread, distribution, joined_spread


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
    parts = [(hour, part, floats(part.answers)) for hour, part in read(connection, scope, LINES)]
    runs = [values for _, _, values in parts]
    days: dict[date, list[array[float]]] = {day: [] for day in scope.period.days} if by_day else {}
    for hour, part, values in parts if by_day else ():
        quarters = range(hour * QUARTERS, hour * QUARTERS + len(part.sent))
        local = [day_of(local_quarter(scope.period.zone, quarter)) for quarter in quarters]
        for day in days.keys() & local:  # an hour cut through has quarters beyond the period
            days[day].append(_of_day(day, local, values, part.places))
    spreads = {day: joined_spread([run for run in found if run]) for day, found in days.items()}
    return Responses(joined_spread(runs), distribution(runs), spreads)


def _of_day(day: date, local: list[date], values: array[float], places: bytes) -> array[float]:
    """Return those of ascending values whose quarter lies in a day; a quarter is a place among *local*."""
    if local.count(day) == len(local):
        return values
    within = bytes(one == day for one in local).ljust(256, b"\0")
    return array("d", itertools.compress(values, places.translate(within)))

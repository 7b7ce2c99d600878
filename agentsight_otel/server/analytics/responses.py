"""How fast the agent answers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from agentsight_otel.server.analytics.hours import QUARTERS, read
from agentsight_otel.server.analytics.lines import LINES, Lines
from agentsight_otel.server.analytics.local_time import day_of, local_quarters
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
    parts = read(connection, scope, LINES)
    runs = [floats(part.answers) for _, part in parts]
    days = dict.fromkeys(scope.period.days, joined_spread([])) if by_day else {}
    for day, pieces in by_local_day(scope.period.zone, parts) if by_day else ():
        days[day] = joined_spread(pieces, sum(map(sum, pieces)))
    overall = joined_spread(runs, math.fsum(part.total for _, part in parts))
    return Responses(overall, distribution(runs), days)


def by_local_day(
    zone: ZoneInfo, parts: Iterable[tuple[int, Lines]]
) -> Iterator[tuple[date, list[list[float]]]]:
    """Yield the days with ascending pieces of their answers.

    A day comes when no more of it can: where a clock goes back, two days may take turns.
    """
    open_days: dict[date, list[list[float]]] = {}
    for day, piece in _pieces(zone, parts):
        open_days.setdefault(day, []).append(piece)
        for done in [one for one in open_days if one < day - timedelta(days=1)]:
            yield done, open_days.pop(done)
    yield from open_days.items()


def _pieces(zone: ZoneInfo, parts: Iterable[tuple[int, Lines]]) -> Iterator[tuple[date, list[float]]]:
    """Yield ascending values of a local day; a day comes several times."""
    for hour, part in parts:
        local = [day_of(quarter) for quarter in local_quarters(zone, hour * QUARTERS, len(part.sent))]
        values = floats(part.answers).tolist()
        for day in sorted(set(local)):
            mine = values
            if local.count(day) < len(local):
                within = bytes(one == day for one in local).ljust(256, b"\0")
                mine = list(itertools.compress(values, part.places.translate(within)))
            if mine:  # an hour cut through has quarters beyond the period
                yield day, mine

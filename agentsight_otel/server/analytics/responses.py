"""How fast the agent answers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from agentsight_otel.server.analytics.hours import QUARTERS, read
from agentsight_otel.server.analytics.lines import LINES, Lines
from agentsight_otel.server.analytics.local_time import local_quarters
from agentsight_otel.server.analytics.packed import floats
from agentsight_otel.server.analytics.period import Period
from agentsight_otel.server.analytics.scope import Scope
from agentsight_otel.server.analytics.statistics import Spread, distribution, joined_spread


class Responses(NamedTuple):
    """The answers of a period.

    Attributes:
        overall: Count, mean, median and 95th percentile in milliseconds.
        buckets: How many answers lie in each bucket of `statistics.BUCKET_EDGES`.
        steps: The same as *overall* for every step of the period, if wanted.
    """

    overall: Spread
    buckets: list[int]
    steps: dict[date, Spread]


def responses(connection: Connection, scope: Scope, *, by_step: bool = True) -> Responses:
    """Measure from a user's last message to the agent's first one after it; see the definitions.

    Args:
        connection: The database.
        scope: What is asked about.
        by_step: Whether the steps are wanted; they take most of the time.
    """
    parts = read(connection, scope, LINES)
    runs = [floats(part.answers) for _, part in parts]
    steps = dict.fromkeys(scope.period.steps, joined_spread([])) if by_step else {}
    for step, pieces in in_steps(scope.period, parts) if by_step else ():
        steps[step] = joined_spread(pieces, sum(map(sum, pieces)))
    overall = joined_spread(runs, math.fsum(part.total for _, part in parts))
    return Responses(overall, distribution(runs), steps)


def in_steps(period: Period, parts: Iterable[tuple[int, Lines]]) -> Iterator[tuple[date, list[list[float]]]]:
    """Yield the steps of a period with ascending pieces of their answers.

    A step comes when no more of it can: where a clock goes back, two may take turns.
    """
    begun: dict[date, list[list[float]]] = {}
    for step, piece in _pieces(period, parts):
        begun.setdefault(step, []).append(piece)
        for done in [one for one in begun if one < step - timedelta(days=1)]:
            yield done, begun.pop(done)
    yield from begun.items()


def _pieces(period: Period, parts: Iterable[tuple[int, Lines]]) -> Iterator[tuple[date, list[float]]]:
    """Yield ascending values of a step; a step comes several times."""
    for hour, part in parts:
        quarters = local_quarters(period.zone, hour * QUARTERS, len(part.sent))
        local = [*map(period.step_of, quarters)]
        values = floats(part.answers).tolist()
        for step in sorted(set(local)):
            mine = values
            if local.count(step) < len(local):
                within = bytes(one == step for one in local).ljust(256, b"\0")
                mine = list(itertools.compress(values, part.places.translate(within)))
            if mine:  # an hour cut through has quarters beyond the period
                yield step, mine

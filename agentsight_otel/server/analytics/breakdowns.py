"""Conversations split by device, source, language, environment and country."""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

from sqlalchemy import Connection

from agentsight_otel.server.analytics.hours import read
from agentsight_otel.server.analytics.scope import Scope
from agentsight_otel.server.analytics.talks import DIMENSIONS, TALKS

LIMIT: Final = 12
"""Rows of a breakdown; what is rarer is summed up."""


class Share(NamedTuple):
    """A value and how many conversations carry it; the value None is "not recorded"."""

    value: str | None
    number: int


class Breakdown(NamedTuple):
    """The commonest values, how many conversations the others have, and the total."""

    rows: list[Share]
    others: int
    total: int

    @property
    def recorded(self) -> bool:
        """Whether any conversation carries a value."""
        return any(row.value is not None for row in self.rows)


def breakdown(connection: Connection, scope: Scope, dimension: str) -> Breakdown:
    """Count the conversations started in the period by one of `talks.DIMENSIONS`."""
    if dimension not in DIMENSIONS:
        raise ValueError(dimension)
    merged: Counter[str] = Counter()
    for _, part in read(connection, scope, TALKS):
        merged.update(part.shares.get(dimension, {}))
    shares = [Share(value or None, number) for value, number in merged.items()]
    ranked = sorted(shares, key=lambda row: (-row.number, row.value or ""))
    total = sum(row.number for row in ranked)
    return Breakdown(ranked[:LIMIT], sum(row.number for row in ranked[LIMIT:]), total)

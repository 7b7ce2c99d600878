"""Conversations split by device, source, language, environment and country."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, func, select

from agentsight_otel.server.analytics.scope import Scope
from agentsight_otel.server.store.tables import conversations

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
    """Count the conversations started in the period by device, source, language or country."""
    values = select(_expression(dimension).label("value")).where(scope.started()).subquery()
    found = connection.execute(select(values.c.value, func.count()).group_by(values.c.value))
    merged: dict[str | None, int] = {}
    for text, count in found:
        merged[text or None] = merged.get(text or None, 0) + count
    ranked = sorted((Share(*pair) for pair in merged.items()), key=lambda row: (-row.number, row.value or ""))
    total = sum(row.number for row in ranked)
    return Breakdown(ranked[:LIMIT], sum(row.number for row in ranked[LIMIT:]), total)


def _expression(dimension: str) -> Any:
    if dimension == "country":
        return conversations.c.geo_location["country"].as_string()
    if dimension not in {"device", "source", "language"}:
        raise ValueError(dimension)
    return conversations.c[dimension]

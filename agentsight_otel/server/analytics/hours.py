"""What the metrics need, hour by hour: from what is kept of the hours, and from the rows where that is stale.

SQLite keeps a document for each hour (UTC) that is over; any write marks its hour as stale. What is read is
therefore always what the rows say. Local days may begin within an hour: documents count by quarters of it
where that matters, and an hour that a period cuts through is computed from the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, select

from agentsight_otel.server.analytics.scope import Scope
from agentsight_otel.server.store.derived import HOUR_US, hours, stale_hours
from agentsight_otel.server.store.tables import conversations

T = TypeVar("T")

QUARTERS: Final = 4
QUARTER_US: Final = HOUR_US // QUARTERS
MANY: Final = 24
"""Stretches of stale hours from which on the whole period is computed from the rows."""


class Stretch(NamedTuple):
    """A stretch of time of an agent; environment None is all of them. Ends are microseconds, half-open."""

    agent: int
    environment: int | None
    start: int
    end: int

    def living(self) -> ColumnElement[bool]:
        """Conversations that are not deleted."""
        c = conversations.c
        found = and_(c.agent_id == self.agent, c.deleted_at.is_(None))
        return found if self.environment is None else found & (c.environment_id == self.environment)

    def within(self, moment: Any) -> ColumnElement[bool]:
        """The time lies in the stretch."""
        return and_(moment >= self.start, moment < self.end)


@dataclass(frozen=True)
class Kind(Generic[T]):
    """One kind of document.

    Attributes:
        name: In the table.
        type: Of the document, a msgspec structure.
        measure: Computes it from the rows, by environment and hour.
    """

    name: str
    type: type[T]
    measure: Callable[[Connection, Stretch], dict[tuple[int, int], T]]


_read: WeakKeyDictionary[Connection, dict[tuple[str, Scope], Any]] = WeakKeyDictionary()
"""What a transaction has read: one page asks for the same hours several times."""


def read(connection: Connection, scope: Scope, kind: Kind[T]) -> list[tuple[int, T]]:
    """Return what a period has, by hour in order; of an hour that it cuts through, the part within."""
    known = _read.setdefault(connection, {})
    found: list[tuple[int, T]] | None = known.get((kind.name, scope))
    if found is None:
        found = known[kind.name, scope] = sorted(_parts(connection, scope, kind), key=lambda part: part[0])
    return found


def _parts(connection: Connection, scope: Scope, kind: Kind[T]) -> Iterable[tuple[int, T]]:
    first, last = -(-scope.start // HOUR_US), scope.end // HOUR_US
    everything = [(scope.start, scope.end)]
    if connection.dialect.name != "sqlite" or first >= last:
        yield from _measured(connection, scope, kind, everything)
        return
    s = stale_hours.c
    query = select(s.hour).where(s.agent_id == scope.agent, s.hour >= first, s.hour < last).order_by(s.hour)
    stale = connection.scalars(query).all()
    gaps = [(low * HOUR_US, high * HOUR_US) for low, high in runs(stale)]
    if len(gaps) > MANY:
        yield from _measured(connection, scope, kind, everything)
        return
    edges = [(scope.start, first * HOUR_US), (last * HOUR_US, scope.end)]
    yield from _measured(connection, scope, kind, [gap for gap in (*gaps, *edges) if gap[0] < gap[1]])
    h = hours.c
    kept = select(h.hour, h.document).where(
        h.agent_id == scope.agent,
        h.environment_id == scope.environment,
        h.kind == kind.name,
        h.hour >= first,
        h.hour < last,
    )
    decode, unwanted = msgspec.msgpack.Decoder(kind.type).decode, set(stale)
    for hour, document in connection.execute(kept):
        if hour not in unwanted:
            yield hour, decode(document)


def _measured(
    connection: Connection, scope: Scope, kind: Kind[T], gaps: list[tuple[int, int]]
) -> Iterable[tuple[int, T]]:
    for start, end in gaps:
        stretch = Stretch(scope.agent, scope.environment, start, end)
        for (_, hour), part in kind.measure(connection, stretch).items():
            yield hour, part


def runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Return ascending whole numbers as half-open runs of neighbours."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number:
            found[-1] = (found[-1][0], number + 1)
        else:
            found.append((number, number + 1))
    return found


def quarter(moment: int) -> int:
    """Return which quarter of its hour a time lies in, 0 to 3."""
    return moment % HOUR_US // QUARTER_US

"""What the metrics need, hour by hour: from what is kept of the hours, and from the rows where that is stale.

SQLite keeps a document for each hour (UTC) that is over, and one for each day whose hours are all kept; any
write marks its hour as stale. What is read is therefore what the rows say; only a stretch that takes long to
compute may be shown again for a few seconds. Local days may begin within an hour: documents count by quarters
where that matters, and an hour that a period cuts through is computed from the rows.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

import msgspec
from sqlalchemy import BigInteger, Column, ColumnElement, Connection, Engine, and_, literal_column, select

from agentsight_otel.server.analytics.scope import Scope
from agentsight_otel.server.store.derived import HOUR_US, hours, stale_hours, taken_hours
from agentsight_otel.server.store.tables import conversations

T = TypeVar("T")

DAY: Final = 24
"""Hours of a day in UTC."""
QUARTERS: Final = 4
"""Quarters of an hour."""
_QUARTER_US: Final = HOUR_US // QUARTERS
MANY: Final = 24
"""Stretches from which on it is faster to read everything between the first and the last."""
LONG: Final = 0.05
"""CPU seconds a stretch of stale hours must take for what was computed to be shown again."""
SHOWN: Final = 15.0
"""Seconds for which a result that took long may be shown again, here and on the dashboard."""
MOST: Final = 100
"""Stretches that are remembered."""


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
        join: Makes one document of those of a day's hours; its quarters are those of the day.
    """

    name: str
    type: type[T]
    measure: Callable[[Connection, Stretch], dict[tuple[int, int], T]]
    join: Callable[[Sequence[tuple[int, T]]], T]

    @property
    def daily(self) -> str:
        """The name of the documents of days, whose hour is the first of the day."""
        return f"{self.name}, day"


_recent: WeakKeyDictionary[Engine, dict[Any, tuple[float, Any]]] = WeakKeyDictionary()
"""When stretches that took long were computed, and what they have."""
_read: WeakKeyDictionary[Connection, dict[tuple[str, Scope], Any]] = WeakKeyDictionary()
"""What a transaction has read: one page asks for the same hours several times."""


def read(connection: Connection, scope: Scope, kind: Kind[T]) -> list[tuple[int, T]]:
    """Return what a period has, as parts of an hour or a day, each with its first hour, in order.

    Of an hour that the period cuts through it is what lies within.
    """
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
    stale = _stale(connection, scope.agent, first, last)
    if len(runs(sorted(stale))) > MANY:
        yield from _measured(connection, scope, kind, everything)
        return
    kept = _kept(connection, scope, kind, (first, last), stale)
    gaps = [(low * HOUR_US, high * HOUR_US) for low, high in runs(sorted(stale))]
    edges = [(scope.start, first * HOUR_US), (last * HOUR_US, scope.end)]
    yield from _measured(connection, scope, kind, [gap for gap in (*gaps, *edges) if gap[0] < gap[1]])
    yield from kept


def _stale(connection: Connection, agent: int, first: int, last: int) -> set[int]:
    found: set[int] = set()
    for marks in (stale_hours.c, taken_hours.c):
        mine = and_(marks.agent_id == agent, marks.hour >= first, marks.hour < last)
        found.update(connection.scalars(select(marks.hour).where(mine)))
    return found


def _kept(
    connection: Connection, scope: Scope, kind: Kind[T], within: tuple[int, int], stale: set[int]
) -> list[tuple[int, T]]:
    """Return the documents of days and hours that are not stale.

    A document that another version wrote makes its hour stale.
    """
    first, last = within
    decode = msgspec.msgpack.Decoder(kind.type).decode
    spoiled = {hour // DAY for hour in stale}
    found: list[tuple[int, T]] = []
    for hour, document in _documents(
        connection, scope, kind.daily, -(-first // DAY) * DAY, last // DAY * DAY
    ):
        if hour // DAY not in spoiled:
            with contextlib.suppress(msgspec.DecodeError):
                found.append((hour, decode(document)))
    covered = {hour // DAY for hour, _ in found}
    edges = [first, *(edge * DAY for run in runs(sorted(covered)) for edge in run), last]
    gaps = list(zip(edges[::2], edges[1::2], strict=True))
    for low, high in gaps if len(gaps) <= MANY else [within]:
        for hour, document in _documents(connection, scope, kind.name, low, high):
            if hour not in stale and hour // DAY not in covered:
                try:
                    found.append((hour, decode(document)))
                except msgspec.DecodeError:
                    stale.add(hour)
    return found


def _documents(
    connection: Connection, scope: Scope, name: str, first: int, last: int
) -> Iterable[tuple[int, bytes]]:
    if first >= last:
        return []
    h = hours.c
    mine = and_(h.agent_id == scope.agent, h.environment_id == scope.environment, h.kind == name)
    query = select(h.hour, h.document).where(mine, h.hour >= first, h.hour < last)
    return ((hour, document) for hour, document in connection.execute(query))


def _measured(
    connection: Connection, scope: Scope, kind: Kind[T], gaps: list[tuple[int, int]]
) -> Iterable[tuple[int, T]]:
    recent = _recent.setdefault(connection.engine, {})
    for start, end in gaps:
        stretch = Stretch(scope.agent, scope.environment, start, end)
        then, parts = recent.get((kind.name, stretch), (0.0, None))
        now = time.monotonic()
        if parts is None or now - then > SHOWN:
            began = time.thread_time()
            parts = [(hour, part) for (_, hour), part in kind.measure(connection, stretch).items()]
            if time.thread_time() - began > LONG:
                if len(recent) >= MOST:
                    recent.clear()
                recent[kind.name, stretch] = time.monotonic(), parts
        yield from parts


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
    return moment % HOUR_US // _QUARTER_US


def quarter_of(moment: Column[int]) -> Any:
    """Return the SQL expression for the quarter of an hour a time lies in, counted since the Unix epoch.

    The length is no parameter, so that PostgreSQL sees that SELECT and GROUP BY mean the same.
    """
    return moment // literal_column(str(_QUARTER_US), BigInteger)

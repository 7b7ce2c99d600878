"""Keeping the hours that are over, and the days of which all are kept, so that a page need not compute them.

Hours are computed beside whoever writes, not in the way: they are taken first, and kept only if nothing was
written to them meanwhile.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Integer, and_, delete, insert, literal_column, select

from agentsight_otel.server.analytics.action_runs import ACTION_RUNS
from agentsight_otel.server.analytics.hours import DAY, Kind, Stretch, runs
from agentsight_otel.server.analytics.lines import LINES
from agentsight_otel.server.analytics.spent import SPENT
from agentsight_otel.server.analytics.talks import TALKS
from agentsight_otel.server.clock import now_us
from agentsight_otel.server.store.derived import HOUR_US, hours, stale_hours, taken_hours
from agentsight_otel.server.store.engine import Store
from agentsight_otel.server.store.tables import settings

KINDS: Final[tuple[Kind[Any], ...]] = (TALKS, LINES, ACTION_RUNS, SPENT)

FORMAT: Final = "2"
"""Of what is kept about an hour; to be counted up when a kind computes or writes something else."""

GIVEN_UP_US: Final = 60_000_000
"""Microseconds after which an hour that was taken is taken again: whoever took it has ended."""

Rows = list[dict[str, Any]]
Run = tuple[int, int, int]
"""An agent, and hours of it, half-open."""


def stale_hours_wait(connection: Connection) -> bool:
    """Tell whether there are stale hours that are over."""
    s, t = stale_hours.c, taken_hours.c
    over = select(s.hour).where(s.hour < _now())
    given_up = select(t.hour).where(t.taken_at < now_us() - GIVEN_UP_US)
    return any(connection.scalar(query.limit(1)) is not None for query in (over, given_up))


def renew_hours(connection: Connection) -> None:
    """Mark every hour as stale if another format of them is kept.

    Args:
        connection: A writing transaction on SQLite.
    """
    s = settings.c
    mine = s.name == "hours_format"
    if connection.scalar(select(s.value).where(mine)) == FORMAT:
        return
    connection.execute(delete(settings).where(mine))
    connection.execute(insert(settings).values(name="hours_format", value=FORMAT))
    kept = select(hours.c.agent_id, hours.c.hour).distinct()
    stale = insert(stale_hours).prefix_with("OR IGNORE")
    connection.execute(stale.from_select(["agent_id", "hour"], kept))


def keep_hours(store: Store, limit: int) -> int:
    """Compute stale hours that are over and keep them; return how many were computed.

    Args:
        store: The database, SQLite.
        limit: Most hours to compute.
    """
    with store.write() as connection:
        taken_at, taken = _take(connection, limit)
    for run in taken:
        with store.read() as connection:
            rows = _computed(connection, run)
        with store.write() as connection:
            _keep(connection, run, taken_at, rows)
    return sum(last - first for _, first, last in taken)


def _take(connection: Connection, limit: int) -> tuple[int, list[Run]]:
    """Take hours; what is written to them from now on marks them as stale again."""
    s, t, now = stale_hours.c, taken_hours.c, now_us()
    over = select(s.agent_id, s.hour).where(s.hour < _now()).order_by(s.agent_id, s.hour).limit(limit)
    wanted = [tuple(row) for row in connection.execute(over)]
    given_up = select(t.agent_id, t.hour).where(t.taken_at < now - GIVEN_UP_US).limit(limit)
    wanted = sorted({*wanted, *map(tuple, connection.execute(given_up))})[:limit]
    found: list[Run] = []
    for agent in dict.fromkeys(agent for agent, _ in wanted):
        found += [(agent, *run) for run in runs(hour for owner, hour in wanted if owner == agent)]
    for run in found:
        connection.execute(delete(stale_hours).where(_within(s, run)))
    rows = [{"agent_id": agent, "hour": hour, "taken_at": now} for agent, hour in wanted]
    if rows:
        connection.execute(insert(taken_hours).prefix_with("OR REPLACE"), rows)
    return now, found


def _computed(connection: Connection, run: Run) -> Rows:
    agent, first, last = run
    stretch = Stretch(agent, None, first * HOUR_US, last * HOUR_US)
    return [
        _row(agent, environment, kind.name, hour, part)
        for kind in KINDS
        for (environment, hour), part in kind.measure(connection, stretch).items()
    ]


def _keep(connection: Connection, run: Run, taken_at: int, rows: Rows) -> None:
    """Keep those hours that are still ours, and that nobody wrote to."""
    s, t, h = stale_hours.c, taken_hours.c, hours.c
    mine = and_(_within(t, run), t.taken_at == taken_at)
    kept = set(connection.scalars(select(t.hour).where(mine)))
    kept.difference_update(connection.scalars(select(s.hour).where(_within(s, run))))
    connection.execute(delete(taken_hours).where(mine))
    for first, last in runs(sorted(kept)):
        connection.execute(delete(hours).where(_within(h, (run[0], first, last))))
        days = _within(h, (run[0], first // DAY * DAY, last))
        connection.execute(delete(hours).where(days, h.kind.in_([kind.daily for kind in KINDS])))
    rows = [row for row in rows if row["hour"] in kept]
    if rows:
        connection.execute(insert(hours), rows)


def days_to_join(connection: Connection, limit: int) -> list[tuple[int, int]]:
    """Return days that are over, not kept as one and without a stale hour: their agents and first hours."""
    h, other = hours.c, hours.alias().c
    first = literal_column(f"hours.hour / {DAY} * {DAY}", Integer)
    same = and_(other.agent_id == h.agent_id, other.environment_id == h.environment_id)
    joined = select(other.hour).where(same, other.kind == h.kind + ", day", other.hour == first)
    waits = [
        select(marks.hour).where(marks.agent_id == h.agent_id, marks.hour >= first, marks.hour < first + DAY)
        for marks in (stale_hours.c, taken_hours.c)
    ]
    query = select(h.agent_id, first).where(
        h.kind.in_([kind.name for kind in KINDS]), h.hour >= 0, first + DAY <= _now(), ~joined.exists()
    )
    return [
        tuple(row)
        for row in connection.execute(
            query.where(*(~wait.exists() for wait in waits)).distinct().limit(limit)
        )
    ]


def join_day(connection: Connection, agent: int, first: int) -> None:
    """Keep the hours of a day as one, unless one of them has become stale.

    Args:
        connection: A writing transaction on SQLite.
        agent: The agent.
        first: The first hour of the day.
    """
    h, run = hours.c, (agent, first, first + DAY)
    for marks in (stale_hours.c, taken_hours.c):
        if connection.scalar(select(marks.hour).where(_within(marks, run)).limit(1)) is not None:
            return
    rows: Rows = []
    for kind in KINDS:
        decode = msgspec.msgpack.Decoder(kind.type).decode
        query = select(h.environment_id, h.hour, h.document).where(_within(h, run), h.kind == kind.name)
        parts: dict[int, list[tuple[int, Any]]] = {}
        for environment, hour, document in connection.execute(query.order_by(h.hour)):
            parts.setdefault(environment, []).append((hour, decode(document)))
        rows += [_row(agent, owner, kind.daily, first, kind.join(found)) for owner, found in parts.items()]
    connection.execute(delete(hours).where(_within(h, run), h.kind.in_([kind.daily for kind in KINDS])))
    if rows:
        connection.execute(insert(hours), rows)


def _row(agent: int, environment: int, kind: str, hour: int, part: Any) -> dict[str, Any]:
    place = {"agent_id": agent, "environment_id": environment, "kind": kind, "hour": hour}
    return place | {"document": msgspec.msgpack.encode(part)}


def _within(columns: Any, run: Run) -> Any:
    agent, first, last = run
    return and_(columns.agent_id == agent, columns.hour >= first, columns.hour < last)


def _now() -> int:
    return now_us() // HOUR_US

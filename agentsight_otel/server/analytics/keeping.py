"""Keeping the hours that are over, so that a page need not compute them."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from sqlalchemy import Connection, delete, insert, select

from agentsight_otel.server.analytics.action_runs import ACTION_RUNS
from agentsight_otel.server.analytics.hours import Kind, Stretch, runs
from agentsight_otel.server.analytics.lines import LINES
from agentsight_otel.server.analytics.spent import SPENT
from agentsight_otel.server.analytics.talks import TALKS
from agentsight_otel.server.clock import now_us
from agentsight_otel.server.store.derived import HOUR_US, hours, stale_hours

KINDS: Final[tuple[Kind[Any], ...]] = (TALKS, LINES, ACTION_RUNS, SPENT)


def stale_hours_wait(connection: Connection) -> bool:
    """Tell whether there are stale hours that are over."""
    return (
        connection.scalar(select(stale_hours.c.hour).where(stale_hours.c.hour < _now()).limit(1)) is not None
    )


def keep_hours(connection: Connection, limit: int) -> int:
    """Compute stale hours that are over and keep them; return how many.

    Args:
        connection: A writing transaction on SQLite.
        limit: Most hours to compute.
    """
    s = stale_hours.c
    query = select(s.agent_id, s.hour).where(s.hour < _now()).order_by(s.agent_id, s.hour).limit(limit)
    stale: dict[int, list[int]] = {}
    for agent, hour in connection.execute(query):
        stale.setdefault(agent, []).append(hour)
    for agent, numbers in stale.items():
        for first, last in runs(numbers):
            _keep(connection, agent, first, last)
    return sum(map(len, stale.values()))


def _keep(connection: Connection, agent: int, first: int, last: int) -> None:
    h, s = hours.c, stale_hours.c
    connection.execute(delete(hours).where(h.agent_id == agent, h.hour >= first, h.hour < last))
    stretch = Stretch(agent, None, first * HOUR_US, last * HOUR_US)
    rows = [
        {
            "agent_id": agent,
            "environment_id": environment,
            "kind": kind.name,
            "hour": hour,
            "document": msgspec.msgpack.encode(part),
        }
        for kind in KINDS
        for (environment, hour), part in kind.measure(connection, stretch).items()
    ]
    if rows:
        connection.execute(insert(hours), rows)
    connection.execute(delete(stale_hours).where(s.agent_id == agent, s.hour >= first, s.hour < last))


def _now() -> int:
    return now_us() // HOUR_US

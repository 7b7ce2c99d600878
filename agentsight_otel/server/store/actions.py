"""Definitions of actions, and the runs of one."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, RowMapping, or_, select, update

from agentsight_otel.server.clock import now_us
from agentsight_otel.server.store.dialect import insert_new
from agentsight_otel.server.store.filters import contains
from agentsight_otel.server.store.listing import Listing
from agentsight_otel.server.store.tables import action_logs, actions

ORDERINGS = ("name", "display_name", "id")


def conditions(
    agent_id: int,
    dialect: str,
    *,
    name: str | None,
    name_contains: str | None,
    display_name: str | None,
    search: str | None,
) -> list[ColumnElement[bool]]:
    """Return the conditions for a filter."""
    a = actions.c
    found: list[ColumnElement[bool]] = [a.agent_id == agent_id]
    if name:
        found.append(a.name == name)
    if name_contains:
        found.append(contains(a.name, name_contains, dialect))
    if display_name:
        found.append(contains(a.display_name, display_name, dialect))
    if search:
        columns = (a.name, a.display_name, a.description)
        found.append(or_(*(contains(column, search, dialect) for column in columns)))
    return found


_LISTED: Final = Listing(actions, actions)
count, page, one = _LISTED.count, _LISTED.page, _LISTED.one


def add(connection: Connection, agent_id: int, values: dict[str, Any]) -> int | None:
    """Write a definition and return its id; None when the agent has an action of that name."""
    row = {**values, "agent_id": agent_id, "created_at": now_us()}
    found: int | None = connection.scalar(insert_new(connection, actions).returning(actions.c.id), row)
    return found


def name_taken(connection: Connection, agent_id: int, name: str, but: int) -> bool:
    """Tell whether another action of the agent has a name."""
    a = actions.c
    mine = (a.agent_id == agent_id) & (a.name == name) & (a.id != but)
    return connection.scalar(select(a.id).where(mine)) is not None


def change(connection: Connection, agent_id: int, action: int, values: dict[str, Any]) -> None:
    """Set columns of a definition."""
    mine = (actions.c.agent_id == agent_id) & (actions.c.id == action)
    connection.execute(update(actions).where(mine).values(**values))


def runs(connection: Connection, agent_id: int, action: int, limit: int) -> list[RowMapping]:
    """Return the newest runs of an action, newest first."""
    a = action_logs.c
    query = select(action_logs).where(a.agent_id == agent_id, a.action == action)
    return list(connection.execute(query.order_by(a.timestamp.desc(), a.id.desc()).limit(limit)).mappings())

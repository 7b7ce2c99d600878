"""Token counts: written per (turn, model), read as rows and as sums."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, insert, select, update

from agentsight_otel.server.rows import ADDED_UP, Usage
from agentsight_otel.server.store.conversations import Place, least, most
from agentsight_otel.server.store.tables import token_usage

CHUNK = 500


def add_usage(connection: Connection, place: Place, usages: list[Usage]) -> None:
    """Write token counts, adding those of the same turn and model to one row.

    The conversation's row is locked, so reading before writing is safe. A sum of which one part has no price
    has no price.
    """
    merged: dict[str, Usage] = {}
    for usage in usages:
        known = merged.get(usage.event_key)
        merged[usage.event_key] = usage if known is None else _merge(known, usage)
    keys = list(merged)
    found: set[str] = set()
    for start in range(0, 0 if place.fresh else len(keys), CHUNK):
        u = token_usage.c
        mine = (u.conversation == place.conversation) & u.event_key.in_(keys[start : start + CHUNK])
        found.update(connection.scalars(select(u.event_key).where(mine)))
    if new := [_row(place, usage) for key, usage in merged.items() if key not in found]:
        connection.execute(insert(token_usage), new)
    if more := [usage for key, usage in merged.items() if key in found]:
        _add_to_rows(connection, place, more)


def _merge(one: Usage, other: Usage) -> Usage:
    merged = msgspec.structs.replace(one)
    for name in ADDED_UP:
        setattr(merged, name, getattr(one, name) + getattr(other, name))
    priced = one.cost_usd_e8 is not None and other.cost_usd_e8 is not None
    merged.cost_usd_e8 = (one.cost_usd_e8 or 0) + (other.cost_usd_e8 or 0) if priced else None
    merged.started_at = min(one.started_at, other.started_at)
    merged.ended_at = max(one.ended_at, other.ended_at)
    return merged


def _row(place: Place, usage: Usage) -> dict[str, Any]:
    row = msgspec.structs.asdict(usage)
    row["cost_source"] = "unpriced" if usage.cost_usd_e8 is None else "backend"
    return row | {"agent_id": place.agent_id, "conversation": place.conversation}


def _add_to_rows(connection: Connection, place: Place, usages: list[Usage]) -> None:
    u = token_usage.c
    sums = {name: u[name] + bindparam(f"more_{name}") for name in (*ADDED_UP, "cost_usd_e8")}
    mine = (u.conversation == place.conversation) & (u.event_key == bindparam("key"))
    for usage in usages:
        values = {f"more_{name}": getattr(usage, name) for name in (*ADDED_UP, "cost_usd_e8")}
        source = {} if usage.cost_usd_e8 is not None else {"cost_source": "unpriced"}
        times = {
            "started_at": least(u.started_at, usage.started_at),
            "ended_at": most(u.ended_at, usage.ended_at),
        }
        statement = update(token_usage).where(mine).values(**sums, **times, **source)
        connection.execute(statement, values | {"key": usage.event_key})

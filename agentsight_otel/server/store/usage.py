"""Token counts: written per (turn, model), read as rows and as sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, select, update

from agentsight_otel.server.rows import ADDED_UP, Usage
from agentsight_otel.server.store.places import Place
from agentsight_otel.server.store.tables import token_usage
from agentsight_otel.server.store.texts import storable

CHUNK = 5000
"""Values in one IN list."""

_INSERT = insert(token_usage)
_FIELDS = Usage.__struct_fields__


def add_usage(connection: Connection, changes: Sequence[tuple[Place, Sequence[Usage]]]) -> None:
    """Write token counts, adding those of the same turn and model to one row; each place gets one item.

    A sum of which one part has no price has no price.
    """
    new: list[dict[str, Any]] = []
    for place, usages in changes:
        merged: dict[str, Usage] = {}
        for usage in usages:
            key = storable(usage.event_key)
            merged[key] = _merge(merged[key], usage) if key in merged else usage
        found = _known(connection, place, list(merged))
        new += [_row(place, usage) for key, usage in merged.items() if key not in found]
        for key in found:
            _add_to_row(connection, place, merged[key])
    if new:
        connection.execute(_INSERT, new)


def _known(connection: Connection, place: Place, keys: list[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, 0 if place.fresh else len(keys), CHUNK):
        u = token_usage.c
        mine = (u.conversation == place.conversation) & u.event_key.in_(keys[start : start + CHUNK])
        found.update(connection.scalars(select(u.event_key).where(mine)))
    return found


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


def _add_to_row(connection: Connection, place: Place, usage: Usage) -> None:
    u = token_usage.c
    mine = (u.conversation == place.conversation) & (u.event_key == usage.event_key)
    row = connection.execute(select(token_usage).where(mine)).mappings().one()
    total = _merge(usage, msgspec.convert({name: row[name] for name in _FIELDS}, Usage))
    changed = ("started_at", "ended_at", "cost_usd_e8", *ADDED_UP)
    values = {name: getattr(total, name) for name in changed}
    source = "unpriced" if total.cost_usd_e8 is None else "backend"
    connection.execute(update(token_usage).where(u.id == row["id"]).values(**values, cost_source=source))

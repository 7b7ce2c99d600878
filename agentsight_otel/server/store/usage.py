"""Token counts: written per (turn, model), read as rows and as sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, select, update

from agentsight_otel.server.rows import ADDED_UP, Usage
from agentsight_otel.server.store.dialect import insert_rows, pairs_there
from agentsight_otel.server.store.places import Place
from agentsight_otel.server.store.tables import token_usage
from agentsight_otel.server.store.texts import storable

_u = token_usage.c
_FIELDS = Usage.__struct_fields__


def add_usage(connection: Connection, changes: Sequence[tuple[Place, Sequence[Usage]]]) -> None:
    """Write token counts, adding those of the same turn and model to one row; each place gets one item.

    A sum of which one part has no price has no price.
    """
    merged: list[tuple[Place, dict[str, Usage]]] = []
    for place, usages in changes:
        mine: dict[str, Usage] = {}
        for usage in usages:
            key = storable(usage.event_key)
            mine[key] = _merge(mine[key], usage) if key in mine else usage
        merged.append((place, mine))
    pairs = [(place.conversation, key) for place, mine in merged if not place.fresh for key in mine]
    known = set(pairs_there(connection, _u.conversation, _u.event_key, pairs))
    new = []
    for place, mine in merged:
        for key, usage in mine.items():
            if (place.conversation, key) in known:
                _add_to_row(connection, place, usage)
            else:
                new.append(_row(place, usage))
    insert_rows(connection, token_usage, new)


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

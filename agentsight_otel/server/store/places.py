"""Conversations that are written to: found or made, locked, changed in memory, saved once.

A write locks every conversation it touches before it writes anything else. So it may read what is there and
then write, and two writes of the same spans do not meet. Locks are taken in one order, by string id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, RowMapping, bindparam, case, func, select, update

from agentsight_otel.server.clock import now_us
from agentsight_otel.server.store.dialect import Bytewise, insert_new, insert_rows
from agentsight_otel.server.store.tables import conversations, messages
from agentsight_otel.server.store.texts import storable

CHUNK = 10_000
"""Values in one IN list."""


class Place(msgspec.Struct):
    """A locked conversation: what this transaction knows of its row, and will save."""

    agent_id: int
    conversation: int
    environment_id: int
    is_used: bool
    started_at: int
    ended_at: int | None
    first_message_at: int | None
    last_message_at: int | None
    waiting_since: int | None
    message_count: int
    user_message_count: int
    agent_message_count: int
    action_count: int
    button_count: int
    fresh: bool = False
    """Whether this transaction made it, so that nothing can be there already."""
    fields: dict[str, Any] = {}
    """Columns of `FIELDS` to set; what is absent or None stays."""

    def stretch(self, started_at: int, ended_at: int) -> None:
        """Begin no later and end no earlier than the given times."""
        self.started_at = min(self.started_at, started_at)
        self.ended_at = ended_at if self.ended_at is None else max(self.ended_at, ended_at)


class Wanted(NamedTuple):
    """A conversation to find, or to make from the other fields."""

    conversation_id: str
    environment_id: int
    started_at: int
    values: Mapping[str, Any] = MappingProxyType({})


STATE = Place.__struct_fields__[2:-2]
FIELDS = (
    "customer_id",
    "customer_ip_address",
    "geo_location",
    "device",
    "source",
    "language",
    "name",
    "metadata",
    "environment_id",
)
"""Columns that a block of an ingest request may set."""

_c = conversations.c
_STATE_COLUMNS = (_c.id, _c.conversation_id, *(_c[name] for name in STATE))
_MINE = (_c.agent_id == bindparam("b_agent")) & (_c.id == bindparam("b_id"))
_NAMED = (_c.agent_id == bindparam("agent")) & _c.conversation_id.in_(bindparam("names", expanding=True))
_FIND = select(_c.conversation_id).where(_NAMED)
_LOCK = select(*_STATE_COLUMNS).where(_NAMED).order_by(Bytewise(_c.conversation_id)).with_for_update()
_GIVEN = {name: bindparam(f"b_{name}", type_=_c[name].type) for name in FIELDS}
_SET: dict[str, ColumnElement[Any]] = {name: func.coalesce(_GIVEN[name], _c[name]) for name in FIELDS}
# A location goes with its address: of an address that is not known there is none.
_SET["geo_location"] = case(
    (_GIVEN["customer_ip_address"].is_not(None), _GIVEN["geo_location"]), else_=_c.geo_location
)
_SAVE = (
    update(conversations)
    .where(_MINE)
    .values({name: bindparam(f"b_{name}") for name in (*STATE, "updated_at")} | _SET)
)


def lock_conversations(connection: Connection, agent_id: int, wanted: Sequence[Wanted]) -> list[Place]:
    """Find conversations by their string ids and lock them; make those that are not there.

    Returns:
        A Place for each of *wanted*; the same id gives the same Place.
    """
    by_name = {storable(item.conversation_id): item for item in reversed(wanted)}
    names = sorted(by_name)
    known: set[str] = set()
    for start in range(0, len(names), CHUNK):
        part = {"agent": agent_id, "names": names[start : start + CHUNK]}
        known.update(connection.scalars(_FIND, part))
    made = _make(connection, agent_id, {name: by_name[name] for name in names if name not in known})
    places: dict[str, Place] = {}
    for start in range(0, len(names), CHUNK):
        part = {"agent": agent_id, "names": names[start : start + CHUNK]}
        for row in connection.execute(_LOCK, part).mappings():
            places[row["conversation_id"]] = _place(agent_id, row)
    for name in made:
        places[name].fresh = True
    return [places[storable(item.conversation_id)] for item in wanted]


def _make(connection: Connection, agent_id: int, missing: Mapping[str, Wanted]) -> Iterable[str]:
    """Make conversations by their stored names; return the names of those that nobody else made meanwhile."""
    if not missing:
        return []
    now = now_us()
    base = {"agent_id": agent_id, "created_at": now, "updated_at": now} | dict.fromkeys(FIELDS)
    rows = [
        {
            **base,
            **item.values,
            "conversation_id": name,
            "environment_id": item.environment_id,
            "started_at": item.started_at,
        }
        for name, item in missing.items()
    ]
    if connection.dialect.name == "sqlite":  # has one writer
        insert_rows(connection, conversations, rows)
        return missing
    statement = insert_new(connection, conversations).returning(_c.conversation_id)
    return connection.scalars(statement, rows).all()


def lock_by_key(connection: Connection, agent_id: int, conversation: int) -> Place | None:
    """Find a conversation by its integer key and lock it; None when the agent has no such conversation."""
    query = select(*_STATE_COLUMNS).where(_c.agent_id == agent_id, _c.id == conversation)
    row = connection.execute(query.with_for_update()).mappings().first()
    return None if row is None else _place(agent_id, row)


def place_of_message(connection: Connection, agent_id: int, message: int) -> Place | None:
    """Lock the conversation of a message; None when the agent has no such message."""
    m = messages.c
    owner = connection.scalar(select(m.conversation).where(m.agent_id == agent_id, m.id == message))
    return None if owner is None else lock_by_key(connection, agent_id, owner)


def _place(agent_id: int, row: RowMapping) -> Place:
    return Place(agent_id, row["id"], **{name: row[name] for name in STATE})


def save(connection: Connection, places: Iterable[Place]) -> None:
    """Write the rows of places, and that they were written to now."""
    now = now_us()
    rows = [
        {"b_agent": place.agent_id, "b_id": place.conversation, "b_updated_at": now}
        | {f"b_{name}": getattr(place, name) for name in STATE}
        | {f"b_{name}": place.fields.get(name) for name in FIELDS}
        for place in places
    ]
    if rows:
        connection.execute(_SAVE, rows)


def fill_gaps(connection: Connection, place: Place, values: dict[str, Any]) -> dict[str, Any]:
    """Let `save` set those of *values* whose columns are still NULL; return what they will all hold."""
    mine = (_c.agent_id == place.agent_id) & (_c.id == place.conversation)
    row = connection.execute(select(conversations).where(mine)).mappings().one()
    gaps = {name: value for name, value in values.items() if row[name] is None}
    place.fields |= gaps
    return {name: row[name] for name in values} | gaps

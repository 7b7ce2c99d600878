"""Conversations that are written to: found or made, locked, changed in memory, saved once.

A write locks every conversation it touches before it writes anything else. So it may read what is there and
then write, and two writes of the same spans do not meet. Locks are taken in one order, by string id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, RowMapping, bindparam, func, select, update

from agentsight_otel.server.clock import now_us
from agentsight_otel.server.store.dialect import Bytewise, insert_new
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


STATE = tuple(name for name in Place.__struct_fields__ if name not in {"agent_id", "conversation", "fresh"})
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
_SAVE = (
    update(conversations)
    .where(_MINE)
    .values({name: bindparam(f"b_{name}") for name in (*STATE, "updated_at") if name != "environment_id"})
)
_SET_FIELDS = (
    update(conversations)
    .where(_MINE)
    .values({name: func.coalesce(bindparam(f"b_{name}", type_=_c[name].type), _c[name]) for name in FIELDS})
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
        mine = (_c.agent_id == agent_id) & _c.conversation_id.in_(names[start : start + CHUNK])
        known.update(connection.scalars(select(_c.conversation_id).where(mine)))
    made = _make(connection, agent_id, [by_name[name] for name in names if name not in known])
    places: dict[str, Place] = {}
    for start in range(0, len(names), CHUNK):
        mine = (_c.agent_id == agent_id) & _c.conversation_id.in_(names[start : start + CHUNK])
        query = select(*_STATE_COLUMNS).where(mine).order_by(Bytewise(_c.conversation_id))
        for row in connection.execute(query.with_for_update()).mappings():
            places[row["conversation_id"]] = _place(agent_id, row)
    for name in made:
        places[name].fresh = True
    return [places[storable(item.conversation_id)] for item in wanted]


def _make(connection: Connection, agent_id: int, missing: Sequence[Wanted]) -> Sequence[str]:
    if not missing:
        return []
    now = now_us()
    base = {"agent_id": agent_id, "created_at": now, "updated_at": now} | dict.fromkeys(FIELDS)
    rows = [
        {
            **base,
            **item.values,
            "conversation_id": item.conversation_id,
            "environment_id": item.environment_id,
            "started_at": item.started_at,
        }
        for item in missing
    ]
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
        | {f"b_{name}": getattr(place, name) for name in STATE if name != "environment_id"}
        for place in places
    ]
    if rows:
        connection.execute(_SAVE, rows)


def set_fields(connection: Connection, changes: Sequence[tuple[Place, dict[str, Any]]]) -> None:
    """Set columns of `FIELDS`; what is absent stays."""
    rows = [
        {"b_agent": place.agent_id, "b_id": place.conversation}
        | {f"b_{name}": fields.get(name) for name in FIELDS}
        for place, fields in changes
        if fields
    ]
    if rows:
        connection.execute(_SET_FIELDS, rows)


def fill_gaps(connection: Connection, place: Place, values: dict[str, Any]) -> None:
    """Set those of *values* whose columns are still NULL."""
    mine = (_c.agent_id == place.agent_id) & (_c.id == place.conversation)
    row = connection.execute(select(conversations).where(mine)).mappings().one()
    set_fields(connection, [(place, {name: value for name, value in values.items() if row[name] is None})])

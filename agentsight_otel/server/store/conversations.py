"""Finding, making and changing conversations."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, case, select, update

from agentsight_otel.server.clock import now_us
from agentsight_otel.server.store.dialect import insert_new
from agentsight_otel.server.store.tables import conversations, messages


class Place(NamedTuple):
    """A conversation that is written to; its row is locked by this transaction."""

    agent_id: int
    conversation: int
    environment_id: int
    fresh: bool
    """Whether this transaction made it, so that nothing can be there already."""
    last_message_at: int | None


def lock_conversation(
    connection: Connection,
    agent_id: int,
    conversation_id: str,
    *,
    environment_id: int,
    started_at: int,
    values: dict[str, Any],
) -> Place:
    """Find a conversation by its string id and lock it; make it from the other arguments if there is none."""
    c = conversations.c
    mine = (c.agent_id == agent_id) & (c.conversation_id == conversation_id)
    if found := _lock(connection, agent_id, mine):
        return found
    now = now_us()
    row = {
        **values,
        "agent_id": agent_id,
        "conversation_id": conversation_id,
        "environment_id": environment_id,
        "started_at": started_at,
        "created_at": now,
        "updated_at": now,
    }
    made = connection.scalar(insert_new(connection, conversations).returning(c.id), row)
    if made is not None:
        return Place(agent_id, made, environment_id, fresh=True, last_message_at=None)
    found = _lock(connection, agent_id, mine)  # another process made it between the two statements
    if found is None:
        raise LookupError("the conversation was removed while it was written to")
    return found


def lock_by_key(connection: Connection, agent_id: int, conversation: int) -> Place | None:
    """Find a conversation by its integer key and lock it; None when the agent has no such conversation."""
    c = conversations.c
    return _lock(connection, agent_id, (c.agent_id == agent_id) & (c.id == conversation))


def _lock(connection: Connection, agent_id: int, mine: Any) -> Place | None:
    c = conversations.c
    query = select(c.id, c.environment_id, c.last_message_at).where(mine).with_for_update()
    row = connection.execute(query).first()
    if row is None:
        return None
    return Place(agent_id, row.id, row.environment_id, fresh=False, last_message_at=row.last_message_at)


def fill(connection: Connection, place: Place, values: dict[str, Any]) -> None:
    """Set columns of a conversation, and that it was written to now."""
    mine = (conversations.c.agent_id == place.agent_id) & (conversations.c.id == place.conversation)
    connection.execute(update(conversations).where(mine).values(**values, updated_at=now_us()))


def stretch(connection: Connection, place: Place, started_at: int, ended_at: int) -> None:
    """Make a conversation begin no later and end no earlier than the given times."""
    c = conversations.c
    changes = {"started_at": least(c.started_at, started_at), "ended_at": most(c.ended_at, ended_at)}
    mine = (c.agent_id == place.agent_id) & (c.id == place.conversation)
    connection.execute(update(conversations).where(mine).values(**changes))


def least(column: Any, value: int) -> Any:
    """Return the smaller of a column, which may be NULL, and a value."""
    return case((column < value, column), else_=value)


def most(column: Any, value: int) -> Any:
    """Return the greater of a column, which may be NULL, and a value."""
    return case((column > value, column), else_=value)


def find(connection: Connection, agent_id: int, conversation: int) -> RowMapping | None:
    """Return a conversation's row by its integer key."""
    c = conversations.c
    query = select(conversations).where(c.agent_id == agent_id, c.id == conversation)
    return connection.execute(query).mappings().first()


def find_by_string(connection: Connection, agent_id: int, conversation_id: str) -> RowMapping | None:
    """Return a conversation's row by the caller-chosen id."""
    c = conversations.c
    query = select(conversations).where(c.agent_id == agent_id, c.conversation_id == conversation_id)
    return connection.execute(query).mappings().first()


def fill_gaps(connection: Connection, place: Place, values: dict[str, Any]) -> None:
    """Set those of *values* whose columns are still NULL."""
    columns = conversations.c
    mine = (columns.agent_id == place.agent_id) & (columns.id == place.conversation)
    row = connection.execute(select(conversations).where(mine)).mappings().one()
    fill(connection, place, {name: value for name, value in values.items() if row[name] is None})


def place_of_message(connection: Connection, agent_id: int, message: int) -> Place | None:
    """Lock the conversation of a message; None when the agent has no such message."""
    m = messages.c
    owner = connection.scalar(select(m.conversation).where(m.agent_id == agent_id, m.id == message))
    return None if owner is None else lock_by_key(connection, agent_id, owner)

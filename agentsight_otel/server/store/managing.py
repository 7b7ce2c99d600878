"""Changing conversations as a whole: fields, marks, deletion, undeletion, purge."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from agentsight_otel.server.clock import now_us
from agentsight_otel.server.store.engine import Store
from agentsight_otel.server.store.tables import attachments, conversations, messages


def change(connection: Connection, agent_id: int, conversation: int, values: dict[str, Any]) -> str | None:
    """Set columns; return the conversation's string id, or None when the agent has none such."""
    c = conversations.c
    mine = (c.agent_id == agent_id) & (c.id == conversation)
    statement = update(conversations).where(mine).values(**values, updated_at=now_us())
    found: str | None = connection.scalar(statement.returning(c.conversation_id))
    return found


def merge_metadata(
    connection: Connection, agent_id: int, conversation: int, merged: dict[str, Any], removed: Iterable[str]
) -> tuple[str, dict[str, Any]] | None:
    """Remove keys from the metadata and set others; return the string id and the metadata there is now."""
    c = conversations.c
    mine = (c.agent_id == agent_id) & (c.id == conversation)
    row = connection.execute(select(c.conversation_id, c.metadata).where(mine).with_for_update()).first()
    if row is None:
        return None
    gone = set(removed)
    kept = {name: value for name, value in (row.metadata or {}).items() if name not in gone}
    change(connection, agent_id, conversation, {"metadata": kept | merged})
    return row.conversation_id, kept | merged


def soft_delete(connection: Connection, agent_id: int, conversation: int) -> tuple[str, int] | None:
    """Mark as deleted; the first deletion's time stays. Return the string id and that time."""
    c = conversations.c
    mine = (c.agent_id == agent_id) & (c.id == conversation)
    row = connection.execute(select(c.conversation_id, c.deleted_at).where(mine).with_for_update()).first()
    if row is None:
        return None
    deleted_at = row.deleted_at or now_us()
    connection.execute(update(conversations).where(mine).values(deleted_at=deleted_at, updated_at=now_us()))
    return row.conversation_id, deleted_at


def purge(store: Store, agent_id: int, conversation: int) -> bool:
    """Remove a conversation and everything that hangs off it for good; False when there is none."""
    c = conversations.c
    with store.write() as connection:
        return remove(connection, store, (c.agent_id == agent_id) & (c.id == conversation)) > 0


def remove(connection: Connection, store: Store, which: ColumnElement[bool]) -> int:
    """Remove conversations and everything that hangs off them, their files too; return how many."""
    a = attachments.c
    keys = select(conversations.c.id).where(which)
    files = set(connection.scalars(select(a.sha256).where(a.conversation.in_(keys))))
    removed = connection.execute(delete(conversations).where(which)).rowcount
    for sha256 in files:
        if connection.scalar(select(a.id).where(a.sha256 == sha256).limit(1)) is None:
            store.files.remove(connection, sha256)
    return removed


def expire(store: Store, before: int, *, agent_id: int | None = None) -> int:
    """Purge conversations in which nothing happened since a time; return how many.

    Args:
        store: The database.
        before: Microseconds since the Unix epoch.
        agent_id: Only this agent's; None for every agent's.
    """
    c = conversations.c
    last = func.coalesce(c.ended_at, c.started_at)
    old = select(c.agent_id, c.id).where(last < before)
    if agent_id is not None:
        old = old.where(c.agent_id == agent_id)
    with store.read() as connection:
        found = connection.execute(old).all()
    return sum(purge(store, owner, conversation) for owner, conversation in found)


def set_message_metadata(
    connection: Connection, agent_id: int, message: int, metadata: dict[str, Any] | None
) -> bool:
    """Replace a message's metadata; False when the agent has no such message."""
    m = messages.c
    mine = (m.agent_id == agent_id) & (m.id == message)
    return connection.execute(update(messages).where(mine).values(metadata=metadata)).rowcount > 0

"""Finding conversations."""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping, select

from agentsight_otel.server.store.tables import conversations


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

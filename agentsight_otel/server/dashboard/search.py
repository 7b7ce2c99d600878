"""The list's conditions, its text searches narrowed down by the full-text indexes."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection

from agentsight_otel.server.store.filters import ConversationFilter, conditions
from agentsight_otel.server.store.searching import candidates


def narrowed(
    connection: Connection, agent: int, wanted: ConversationFilter, dialect: str, *, in_order: bool
) -> list[ColumnElement[bool]]:
    """Return the conditions of a filter.

    Args:
        connection: The database.
        agent: Whose conversations.
        wanted: The filter.
        dialect: The database's dialect.
        in_order: Whether the conversations are wanted in the order in which they started.
    """
    found = conditions(agent, wanted, dialect)
    for part, names in ((wanted.message_contains, False), (wanted.search, True)):
        narrower = candidates(connection, part, names=names) if part and dialect == "sqlite" else None
        if narrower is not None:
            found.append(narrower.condition(in_order=in_order))
    return found

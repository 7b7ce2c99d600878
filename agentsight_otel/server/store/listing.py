"""Pages of conversations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, RowMapping, Select, func, select

from agentsight_otel.server.store.dialect import Bytewise
from agentsight_otel.server.store.filters import ConversationFilter, conditions
from agentsight_otel.server.store.tables import conversations, environments, feedbacks
from agentsight_otel.server.store.texts import String, Text

ORDERINGS = ("started_at", "ended_at", "id", "customer_id", "is_marked", "language")
Ordering = Sequence[tuple[str, bool]]


def count_conversations(
    connection: Connection, agent_id: int, wanted: ConversationFilter, dialect: str
) -> int:
    """Return how many conversations match."""
    query = select(func.count()).select_from(conversations)
    return connection.scalar(query.where(*conditions(agent_id, wanted, dialect))) or 0


def list_conversations(
    connection: Connection,
    agent_id: int,
    wanted: ConversationFilter,
    dialect: str,
    ordering: Ordering,
    offset: int,
    limit: int | None,
) -> list[RowMapping]:
    """Return matching rows with the columns ``environment`` and ``feedback_count`` added."""
    query = _rows().where(*conditions(agent_id, wanted, dialect))
    query = ordered(query, conversations, ordering).offset(offset)
    return list(connection.execute(query if limit is None else query.limit(limit)).mappings())


def one_conversation(connection: Connection, agent_id: int, conversation: int) -> RowMapping | None:
    """Return one row in the same form, deleted or not; None when the agent has none such."""
    c = conversations.c
    return connection.execute(_rows().where(c.agent_id == agent_id, c.id == conversation)).mappings().first()


def ordered(query: Select[Any], table: Any, ordering: Ordering) -> Select[Any]:
    """Order a query by columns of a table, and at last by its key so that pages never overlap."""
    columns = [_sortable(table.c[name]) for name, _ in ordering]
    keys = [
        column.desc().nulls_last() if descending else column.asc().nulls_first()
        for column, (_, descending) in zip(columns, ordering, strict=True)
    ]
    return query.order_by(*keys, table.c.id.desc() if ordering[0][1] else table.c.id.asc())


def _sortable(column: Column[Any]) -> ColumnElement[Any]:
    return Bytewise(column) if isinstance(column.type, Text | String) else column


def _rows() -> Select[Any]:
    c = conversations.c
    votes = select(func.count()).where(feedbacks.c.conversation == c.id).scalar_subquery()
    columns = (conversations, environments.c.slug.label("environment"), votes.label("feedback_count"))
    return select(*columns).join(environments, environments.c.id == c.environment_id)

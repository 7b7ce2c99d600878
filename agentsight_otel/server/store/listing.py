"""Rows of a table as lists: counted, by the page, one by one; and the list of conversations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    FromClause,
    RowMapping,
    Select,
    Table,
    func,
    select,
)

from agentsight_otel.server.store.dialect import Bytewise
from agentsight_otel.server.store.filters import ConversationFilter, conditions
from agentsight_otel.server.store.tables import conversations, environments, feedbacks
from agentsight_otel.server.store.texts import String, Text

ORDERINGS = ("started_at", "ended_at", "id", "customer_id", "is_marked", "language")
Ordering = Sequence[tuple[str, bool]]
Conditions = Sequence[ColumnElement[bool]]


@dataclass(frozen=True)
class Listing:
    """Rows of a table, with columns of others added.

    Attributes:
        table: Whose rows.
        joined: The table, joined with those that conditions and added columns name.
        added: Columns each row gets.
    """

    table: Table
    joined: FromClause
    added: tuple[ColumnElement[Any], ...] = ()

    def count(self, connection: Connection, where: Conditions) -> int:
        """Return how many rows match."""
        return connection.scalar(select(func.count()).select_from(self.joined).where(*where)) or 0

    def page(
        self,
        connection: Connection,
        where: Conditions,
        ordering: Ordering,
        offset: int = 0,
        limit: int | None = None,
    ) -> list[RowMapping]:
        """Return matching rows in an order; no limit is all of them from the offset on."""
        query = ordered(self.rows().where(*where), self.table, ordering)
        return list(connection.execute(query.offset(offset).limit(limit)).mappings())

    def one(self, connection: Connection, agent_id: int, key: int) -> RowMapping | None:
        """Return one row by its key; None when the agent has none such."""
        t = self.table.c
        return connection.execute(self.rows().where(t.agent_id == agent_id, t.id == key)).mappings().first()

    def rows(self) -> Select[Any]:
        """Return the query for all rows."""
        return select(self.table, *self.added).select_from(self.joined)


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
    return _LISTED.page(connection, conditions(agent_id, wanted, dialect), ordering, offset, limit)


def one_conversation(connection: Connection, agent_id: int, conversation: int) -> RowMapping | None:
    """Return one row in the same form, deleted or not; None when the agent has none such."""
    return _LISTED.one(connection, agent_id, conversation)


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


_votes = select(func.count()).where(feedbacks.c.conversation == conversations.c.id).scalar_subquery()
_LISTED: Final = Listing(
    conversations,
    conversations.join(environments, environments.c.id == conversations.c.environment_id),
    (environments.c.slug.label("environment"), _votes.label("feedback_count")),
)

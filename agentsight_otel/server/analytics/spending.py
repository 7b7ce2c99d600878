"""Tokens and what they cost, by model, day, customer and conversation."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, FromClause, Select, case, func, select

from agentsight_otel.server.analytics.activity import QUARTER, quarter_of
from agentsight_otel.server.analytics.scope import Scope
from agentsight_otel.server.store.tables import conversations, token_usage

E8: Final = 100_000_000
"""Costs are stored as integers of 1e-8 US dollars."""
_T = token_usage.c


class Spending(NamedTuple):
    """Token counts and cost of one group; *cost_e8* is None when nothing in it has a price."""

    calls: int
    input: int
    output: int
    cached: int
    embedding: int
    reasoning: int
    total: int
    cost_e8: int | None
    unpriced_tokens: int


class Group(NamedTuple):
    """A group's key (a model, a customer, a conversation) and its spending."""

    key: Any
    label: str | None
    spending: Spending


def total(connection: Connection, scope: Scope) -> Spending:
    """Sum up the period."""
    return Spending(*_numbers(connection.execute(_of(select(*_SUMS), scope)).one()))


def by_model(connection: Connection, scope: Scope) -> list[Group]:
    """Return the models used, most tokens first."""
    return _groups(connection, scope, _T.model, _T.provider, limit=200)


def by_customer(connection: Connection, scope: Scope, limit: int = 20) -> list[Group]:
    """Return the customers with the highest cost, then most tokens."""
    return _groups(connection, scope, conversations.c.customer_id, conversations.c.customer_id, limit=limit)


def by_conversation(connection: Connection, scope: Scope, limit: int = 20) -> list[Group]:
    """Return the conversations with the highest cost, then most tokens."""
    label = func.coalesce(conversations.c.name, conversations.c.conversation_id)
    return _groups(connection, scope, conversations.c.id, label, limit=limit)


def by_day(connection: Connection, scope: Scope) -> dict[date, Spending]:
    """Return every local day of the period."""
    quarter = quarter_of(_T.started_at)
    days: dict[date, list[list[int | None]]] = {day: [] for day in scope.period.days}
    for found, *numbers in connection.execute(_of(select(quarter, *_SUMS), scope).group_by(quarter)):
        day = scope.period.local(datetime.fromtimestamp(int(found) * QUARTER, UTC)).date()
        days[day].append(_numbers(numbers))
    return {day: _added(rows) for day, rows in days.items()}


_SUMS: Final = (
    func.sum(_T.calls),
    func.sum(_T.prompt_tokens),
    func.sum(_T.completion_tokens),
    func.sum(_T.cache_read_tokens + _T.cache_write_tokens),
    func.sum(_T.embedding_tokens),
    func.sum(_T.reasoning_tokens),
    func.sum(_T.total_tokens),
    func.sum(_T.cost_usd_e8),
    func.sum(case((_T.cost_usd_e8.is_(None), _T.total_tokens), else_=0)),
)
_COST: Final = 7


def _numbers(row: Any) -> list[Any]:
    return [int(v) if v is not None else (None if place == _COST else 0) for place, v in enumerate(row)]


def _added(rows: list[list[int | None]]) -> Spending:
    columns = [[row[place] for row in rows] for place in range(len(_SUMS))]
    sums: list[Any] = [sum(value or 0 for value in column) for column in columns]
    if rows and all(value is None for value in columns[_COST]):
        sums[_COST] = None
    return Spending(*sums)


def _of(query: Select[Any], scope: Scope, source: FromClause = token_usage) -> Select[Any]:
    return query.select_from(source).where(
        _T.agent_id == scope.agent, scope.within(_T.started_at), scope.belongs(_T.conversation)
    )


def _joined() -> FromClause:
    return token_usage.join(conversations, _T.conversation == conversations.c.id)


def _groups(connection: Connection, scope: Scope, key: Any, label: Any, *, limit: int) -> list[Group]:
    source = token_usage if key is _T.model else _joined()
    query = _of(select(key, func.max(label), *_SUMS), scope, source).group_by(key)
    ordered = query.order_by(
        func.coalesce(func.sum(_T.cost_usd_e8), 0).desc(), func.sum(_T.total_tokens).desc(), key
    )
    rows = connection.execute(ordered.limit(limit))
    return [Group(found, name, Spending(*_numbers(numbers))) for found, name, *numbers in rows]

"""Who talks to the agent: one row per customer id."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, func, select

from agentsight_otel.server.analytics.scope import Scope
from agentsight_otel.server.store.tables import conversations, token_usage

PAGE = 50


class Customer(NamedTuple):
    """One customer over a period, or ever; times in microseconds since the Unix epoch."""

    customer_id: str
    conversations: int
    messages: int
    first_seen: int
    last_seen: int


def customers(
    connection: Connection, scope: Scope, *, contains: str, page: int
) -> tuple[list[Customer], bool]:
    """Return a page of the period's customers, most recently seen first, and whether there are more."""
    c = conversations.c
    seen = func.max(func.coalesce(c.last_message_at, c.started_at))
    query = (
        select(
            c.customer_id,
            func.count(),
            func.sum(c.user_message_count + c.agent_message_count),
            func.min(c.started_at),
            seen,
        )
        .where(scope.started(), c.customer_id.is_not(None))
        .group_by(c.customer_id)
        .order_by(seen.desc(), c.customer_id)
        .limit(PAGE + 1)
        .offset((page - 1) * PAGE)
    )
    if contains:
        query = query.where(c.customer_id.icontains(contains, autoescape=True))
    rows = [Customer(*row) for row in connection.execute(query)]
    return rows[:PAGE], len(rows) > PAGE


def customer(connection: Connection, scope: Scope, customer_id: str) -> Customer | None:
    """Return one customer over all time, in the scope's environment."""
    c = conversations.c
    row = connection.execute(
        select(
            func.count(),
            func.sum(c.user_message_count + c.agent_message_count),
            func.min(c.started_at),
            func.max(func.coalesce(c.last_message_at, c.started_at)),
        ).where(scope.living(), c.customer_id == customer_id)
    ).one()
    return Customer(customer_id, *row) if row[0] else None


def customer_cost(connection: Connection, scope: Scope, customer_id: str) -> tuple[int, int | None]:
    """Return the tokens of a customer over all time and their cost in 1e-8 US dollars."""
    t = token_usage.c
    row = connection.execute(
        select(func.sum(t.total_tokens), func.sum(t.cost_usd_e8))
        .select_from(token_usage.join(conversations, t.conversation == conversations.c.id))
        .where(scope.living(), conversations.c.customer_id == customer_id)
    ).one()
    return int(row[0] or 0), None if row[1] is None else int(row[1])

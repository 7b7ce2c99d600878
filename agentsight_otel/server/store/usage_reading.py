"""Token counts as rows and as sums."""

from __future__ import annotations

from typing import Final

import msgspec
from sqlalchemy import ColumnElement, Connection, RowMapping, func, select

from agentsight_otel.server.rows import ADDED_UP
from agentsight_otel.server.store.filters import between, exactly
from agentsight_otel.server.store.listing import Listing, Ordering
from agentsight_otel.server.store.tables import conversations, environments, token_usage

ORDERINGS = {
    "started_at": token_usage.c.started_at,
    "ended_at": token_usage.c.ended_at,
    "total_tokens": token_usage.c.total_tokens,
    "cost_usd": token_usage.c.cost_usd_e8,
    "id": token_usage.c.id,
}
GROUPS = ("model", "conversation", "day")
_DAY_US = 86_400_000_000


class UsageFilter(msgspec.Struct, kw_only=True):
    """Which token counts; None means no condition."""

    model: str | None = None
    conversation: int | None = None
    conversation_id: str | None = None
    turn_id: str | None = None
    environment_id: int | None = None
    cost_source: str | None = None
    incomplete: bool | None = None
    started_after: int | None = None
    started_before: int | None = None


def conditions(agent_id: int, wanted: UsageFilter) -> list[ColumnElement[bool]]:
    """Return the conditions for a filter."""
    u, c = token_usage.c, conversations.c
    columns = {
        "model": u.model,
        "conversation": u.conversation,
        "conversation_id": c.conversation_id,
        "turn_id": u.turn_id,
        "environment_id": c.environment_id,
        "cost_source": u.cost_source,
        "incomplete": u.incomplete,
    }
    found = [u.agent_id == agent_id, *exactly(columns, wanted, columns)]
    return found + between(u.started_at, wanted.started_after, wanted.started_before)


_LISTED: Final = Listing(
    token_usage,
    token_usage.join(conversations, conversations.c.id == token_usage.c.conversation).join(
        environments, environments.c.id == conversations.c.environment_id
    ),
    (
        conversations.c.conversation_id.label("conversation_id"),
        environments.c.slug.label("environment"),
    ),
)
count = _LISTED.count


def page(
    connection: Connection,
    where: list[ColumnElement[bool]],
    ordering: Ordering,
    offset: int,
    limit: int | None,
) -> list[RowMapping]:
    """Return matching rows with ``conversation_id`` and ``environment`` added."""
    keys = [ORDERINGS[name].desc() if down else ORDERINGS[name].asc() for name, down in ordering]
    query = _LISTED.rows().where(*where).order_by(*keys, token_usage.c.id.desc())
    return list(connection.execute(query.offset(offset).limit(limit)).mappings())


def summary(connection: Connection, where: list[ColumnElement[bool]], group_by: str) -> list[RowMapping]:
    """Return sums per group, most tokens first; ``day`` is days since the epoch."""
    u = token_usage.c
    group = {"model": u.model, "conversation": u.conversation, "day": u.started_at // _DAY_US}[group_by]
    sums = [func.sum(u[name]).label(name) for name in (*ADDED_UP, "cost_usd_e8")]
    query = select(group.label("group"), func.count().label("rows"), *sums).select_from(_LISTED.joined)
    query = query.where(*where).group_by(group).order_by(func.sum(u.total_tokens).desc(), group)
    return list(connection.execute(query).mappings())

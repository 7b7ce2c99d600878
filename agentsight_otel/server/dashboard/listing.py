"""Pages of the conversation list by keyset, a conversation's neighbours, and what else a row shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    cast,
    func,
    literal,
    select,
    tuple_,
)

from agentsight_otel.server.dashboard.search import narrowed
from agentsight_otel.server.store.filters import ConversationFilter, contains
from agentsight_otel.server.store.tables import conversations, feedbacks, messages, token_usage

PAGE: Final = 50
SNIPPET: Final = 220
"""Characters of a message that a list shows."""
DEFAULT_ORDER: Final = "-started_at"
TOO_LARGE: Final = 2**63
"""For a column; no row has it."""


class Order(NamedTuple):
    """An order of the list: what it is called, the value, and whether the largest comes first."""

    label: str
    value: Any
    descending: bool


class Page(NamedTuple):
    """One page: its rows, and the cursor of the next page or None."""

    rows: list[Row[*tuple[Any, ...]]]
    after: str | None


class Extra(NamedTuple):
    """What a row shows of other tables, by conversation."""

    opening: dict[int, str]
    hit: dict[int, tuple[int, str]]
    cost_e8: dict[int, int]
    tokens: dict[int, int]
    sentiment: dict[int, str]


def orders() -> dict[str, Order]:
    """Return the orders by their name in the address."""
    c = conversations.c
    slowest = (
        select(func.max(messages.c.response_ms)).where(messages.c.conversation == c.id).scalar_subquery()
    )
    spent = (
        select(cast(func.sum(token_usage.c.cost_usd_e8), BigInteger))
        .where(token_usage.c.conversation == c.id)
        .scalar_subquery()
    )
    return {
        "-started_at": Order("Newest first", c.started_at, descending=True),
        "started_at": Order("Oldest first", c.started_at, descending=False),
        "-activity": Order(
            "Latest activity", func.coalesce(c.last_message_at, c.started_at), descending=True
        ),
        "-messages": Order("Most messages", c.message_count, descending=True),
        "-response": Order("Slowest answer", func.coalesce(slowest, -1.0), descending=True),
        "-cost": Order("Highest cost", func.coalesce(spent, -1), descending=True),
    }


def read_page(
    connection: Connection,
    agent: int,
    wanted: ConversationFilter,
    dialect: str,
    *,
    order: str = DEFAULT_ORDER,
    after: str | None = None,
    limit: int = PAGE,
) -> Page:
    """Return the page behind a cursor; an unreadable cursor is the first page."""
    chosen = orders()[order]
    query = _ordered(select(conversations, chosen.value.label("rank")), chosen)
    in_order = order.removeprefix("-") == "started_at"
    query = query.where(*narrowed(connection, agent, wanted, dialect, in_order=in_order))
    cursor = _cursor(after)
    if cursor is not None:
        query = query.where(_beyond(chosen, *cursor))
    rows = list(connection.execute(query.limit(limit + 1)))
    more = len(rows) > limit
    rows = rows[:limit]
    return Page(rows, f"{rows[-1].rank!r}_{rows[-1].id}" if more else None)


def all_pages(
    connection: Connection,
    agent: int,
    wanted: ConversationFilter,
    dialect: str,
    *,
    order: str = DEFAULT_ORDER,
) -> Iterator[list[Row[*tuple[Any, ...]]]]:
    """Yield everything that matches, a page of 200 at a time, each conversation exactly once."""
    after = None
    while True:
        page = read_page(connection, agent, wanted, dialect, order=order, after=after, limit=200)
        yield page.rows
        after = page.after
        if after is None:
            return


def neighbours(
    connection: Connection, agent: int, wanted: ConversationFilter, dialect: str, row: Any
) -> tuple[int | None, int | None]:
    """Return the keys of the next newer and the next older conversation that match."""
    c = conversations.c
    matching = narrowed(connection, agent, wanted, dialect, in_order=True)
    found = []
    for descending in (False, True):
        order = Order("", c.started_at, descending)
        query = _ordered(select(c.id), order).where(*matching, _beyond(order, row.started_at, row.id))
        found.append(connection.execute(query.limit(1)).scalar())
    return found[0], found[1]


def count_up_to(
    connection: Connection, agent: int, wanted: ConversationFilter, dialect: str, limit: int
) -> int:
    """Return how many match, counted no further than *limit*."""
    matching = (
        select(conversations.c.id)
        .where(*narrowed(connection, agent, wanted, dialect, in_order=False))
        .limit(limit)
        .subquery()
    )
    return connection.execute(select(func.count()).select_from(matching)).scalar_one()


def extras(connection: Connection, ids: Sequence[int], part: str | None, dialect: str) -> Extra:
    """Fetch what the rows of a page show besides themselves.

    Args:
        connection: The database.
        ids: Keys of the page's conversations.
        part: The text searched for, whose first hit in each conversation is shown; None without a search.
        dialect: The database's dialect.
    """
    m, t, f = messages.c, token_usage.c, feedbacks.c
    opening = _first(connection, ids, and_(m.kind == "message", m.sender == "end_user"))
    hits = _first(connection, ids, contains(m.content, part, dialect)) if part else {}
    sums = select(t.conversation, func.sum(t.cost_usd_e8), func.sum(t.total_tokens)).where(
        t.conversation.in_(ids)
    )
    spent = connection.execute(sums.group_by(t.conversation)).all()
    votes = select(f.conversation, f.sentiment).where(f.conversation.in_(ids), f.kind == "conversation")
    sentiments = connection.execute(votes.order_by(f.created_at, f.id)).all()
    return Extra(
        {key: text[:SNIPPET] for key, (_, text) in opening.items()},
        hits,
        {row[0]: int(row[1]) for row in spent if row[1] is not None},
        {row[0]: int(row[2] or 0) for row in spent},
        {row[0]: row[1] for row in sentiments},
    )


def _first(
    connection: Connection, ids: Sequence[int], which: ColumnElement[bool]
) -> dict[int, tuple[int, str]]:
    """By conversation, the first message that fits; what was said goes before what ran."""
    m = messages.c
    place = (
        func.row_number()
        .over(partition_by=m.conversation, order_by=(m.kind != "message", m.timestamp, m.id))
        .label("place")
    )
    found = select(m.conversation, m.id, m.content, place).where(m.conversation.in_(ids), which).subquery()
    query = select(found.c.conversation, found.c.id, found.c.content).where(found.c.place == 1)
    return {row[0]: (row[1], row[2]) for row in connection.execute(query)}


def _ordered(query: Select[*tuple[Any, ...]], order: Order) -> Select[*tuple[Any, ...]]:
    keys = (order.value, conversations.c.id)
    return query.order_by(*(key.desc() if order.descending else key.asc() for key in keys))


def _beyond(order: Order, value: float, key: int) -> ColumnElement[bool]:
    """What comes after a row, as a comparison of pairs: an index can begin there."""
    here, there = tuple_(order.value, conversations.c.id), tuple_(literal(value), literal(key))
    return here < there if order.descending else here > there


def _cursor(text: str | None) -> tuple[float, int] | None:
    rank, _, key = (text or "").rpartition("_")
    try:
        value, place = float(rank) if "." in rank or "e" in rank else int(rank), int(key)
    except ValueError:
        return None
    return (value, place) if abs(value) < TOO_LARGE and abs(place) < TOO_LARGE else None

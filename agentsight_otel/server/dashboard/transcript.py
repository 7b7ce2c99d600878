"""A conversation as its readers see it: items in order, by day, and its spans as a waterfall."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, RowMapping, func, select

from agentsight_otel.server.dashboard.present import moment
from agentsight_otel.server.store.details import (
    Transcripts,
    one_message,
    outline,
    some_messages,
    transcripts,
    usage_rows,
)
from agentsight_otel.server.store.tables import messages, spans

PART: Final = 400
"""Items on one page of a transcript."""
MAX_SPANS: Final = 1000
ARRIVED: Final = 20
"""New lines that are put on an open page; of more it only says how many."""


class Cost(NamedTuple):
    """Tokens and cost of a turn or a conversation; the cost is None when no part of it has a price."""

    tokens: int = 0
    cost_e8: int | None = None

    def plus(self, row: RowMapping) -> Cost:
        """Add one row of the token table."""
        cost = row["cost_usd_e8"]
        both = cost if self.cost_e8 is None else self.cost_e8 + (cost or 0)
        return Cost(self.tokens + row["total_tokens"], both)


class Item(NamedTuple):
    """One line of the transcript and what hangs on it."""

    row: RowMapping
    logs: list[RowMapping]
    clicks: list[RowMapping]
    files: list[RowMapping]
    votes: list[RowMapping]
    new_day: date | None
    cost: Cost | None


class Transcript(NamedTuple):
    """A part of a conversation: its items, which part of how many it is, and all its token rows.

    ``newest`` is the id of the line that was written last, 0 when there is none.
    """

    items: list[Item]
    part: int
    parts: int
    usage: list[RowMapping]
    newest: int


def read_transcript(
    connection: Connection,
    agent: int,
    conversation: int,
    zone: ZoneInfo,
    *,
    part: int = 1,
    at: int | None = None,
    limit: int | None = PART,
) -> Transcript:
    """Read one part of a conversation.

    Args:
        connection: The database.
        agent: The agent.
        conversation: Primary key.
        zone: Whose days separate the items.
        part: Which part, from 1.
        at: A message the part must contain.
        limit: Items in a part; None is all.
    """
    rows = outline(connection, agent, conversation)
    usage = usage_rows(connection, agent, conversation)
    size = limit or max(1, len(rows))
    parts = max(1, -(-len(rows) // size))
    if at is not None:
        part = next((place // size + 1 for place, row in enumerate(rows) if row["id"] == at), part)
    part = min(max(part, 1), parts)
    if parts == 1:
        found = transcripts(connection, agent, [conversation])
    else:
        ids = [row["id"] for row in rows[(part - 1) * size : part * size]]
        found = some_messages(connection, agent, conversation, ids)
    costs = _costs(rows, usage)
    items = []
    last: date | None = None
    for row in found.messages[conversation]:
        day = moment(row["timestamp"], zone).date()
        items.append(_item(row, found, day if day != last else None, costs.get(row["id"])))
        last = day
    return Transcript(items, part, parts, usage, max((row["id"] for row in rows), default=0))


def _item(row: RowMapping, found: Transcripts, new_day: date | None, cost: Cost | None) -> Item:
    key = row["id"]
    return Item(
        row,
        found.action_logs.get(key, []),
        found.buttons.get(key, []),
        found.attachments.get(key, []),
        found.votes.get(key, []),
        new_day,
        cost,
    )


class Arrived(NamedTuple):
    """Lines that were written since: their items, empty when they do not all go at the end; the newest id."""

    items: list[Item]
    newest: int


def read_arrived(
    connection: Connection, agent: int, conversation: int, zone: ZoneInfo, seen: int
) -> Arrived | None:
    """Return the lines of a conversation with an id above *seen*; None when there are none."""
    m = messages.c
    mine = (m.agent_id == agent) & (m.conversation == conversation)
    query = select(m.id, m.timestamp).where(mine, m.id > seen).order_by(m.timestamp, m.id)
    new = connection.execute(query.limit(ARRIVED + 1)).all()
    if not new:
        return None
    newest = connection.execute(select(func.max(m.id)).where(mine)).scalar_one()
    last = connection.execute(select(func.max(m.timestamp)).where(mine, m.id <= seen)).scalar()
    if len(new) > ARRIVED or (last is not None and new[0].timestamp < last):
        return Arrived([], newest)
    day = None if last is None else moment(last, zone).date()
    items = []
    for key, timestamp in new:
        line = one_message(connection, agent, key)
        if line is None:
            continue
        today = moment(timestamp, zone).date()
        items.append(_item(*line, today if today != day else None, None))
        day = today
    return Arrived(items, newest)


def total_cost(usage: Sequence[RowMapping]) -> Cost:
    """Add up token rows."""
    cost = Cost()
    for row in usage:
        cost = cost.plus(row)
    return cost


def _costs(rows: Sequence[RowMapping], usage: Sequence[RowMapping]) -> dict[int, Cost]:
    """What each turn used, at the turn's last agent message."""
    last = {
        row["turn_id"]: row["id"]
        for row in rows
        if row["turn_id"] and row["kind"] == "message" and row["sender"] == "agent"
    }
    costs: dict[int, Cost] = {}
    for row in usage:
        key = last.get(row["turn_id"])
        if key is not None:
            costs[key] = costs.get(key, Cost()).plus(row)
    return costs


class Bar(NamedTuple):
    """One span of a waterfall.

    Attributes:
        row: The span.
        depth: How deep it is nested, at most 6.
        start: Where it begins, as a fraction of its root's duration.
        end: Where it ends.
        attributes: What it carries.
    """

    row: RowMapping
    depth: int
    start: float
    end: float
    attributes: dict[str, Any]


def read_waterfall(connection: Connection, agent: int, conversation: int) -> list[list[Bar]]:
    """Return the spans of a conversation, one list per root, each in order of start below its parent."""
    s = spans.c
    query = select(spans).where(s.agent_id == agent, s.conversation == conversation)
    rows = list(connection.execute(query.order_by(s.started_at, s.id).limit(MAX_SPANS)).mappings())
    known = {row["span_id"] for row in rows}
    children: dict[str | None, list[RowMapping]] = {}
    for row in rows:
        parent = row["parent_span_id"] if row["parent_span_id"] in known else None
        children.setdefault(parent, []).append(row)
    return [_tree(root, children) for root in children.get(None, [])]


def _tree(root: RowMapping, children: dict[str | None, list[RowMapping]]) -> list[Bar]:
    ordered: list[tuple[RowMapping, int]] = []
    waiting = [(root, 0)]
    seen = set()
    while waiting:
        row, depth = waiting.pop()
        if row["span_id"] in seen:
            continue
        seen.add(row["span_id"])
        ordered.append((row, depth))
        waiting += [(child, depth + 1) for child in reversed(children.get(row["span_id"], []))]
    first = min(row["started_at"] for row, _ in ordered)
    length = max(max(row["ended_at"] for row, _ in ordered) - first, 1)
    return [
        Bar(
            row,
            min(depth, 6),
            (row["started_at"] - first) / length,
            (row["ended_at"] - first) / length,
            _attributes(row["payload"]),
        )
        for row, depth in ordered
    ]


class _Payload(msgspec.Struct):
    attributes: dict[str, Any] = {}


_decode = msgspec.json.Decoder(_Payload).decode


def _attributes(payload: str) -> dict[str, Any]:
    try:
        return _decode(payload).attributes
    except msgspec.DecodeError:
        return {}

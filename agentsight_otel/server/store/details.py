"""Everything that hangs off some conversations, fetched with one query per table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, RowMapping, Table, select

from agentsight_otel.server.store.tables import (
    action_logs,
    attachments,
    buttons,
    comments,
    environments,
    feedbacks,
    messages,
    tickets,
    token_usage,
)

Row = RowMapping
ByKey = dict[int, list[Row]]


class Transcripts(NamedTuple):
    """Messages by conversation, and by message what belongs to it."""

    messages: ByKey
    attachments: ByKey
    action_logs: ByKey
    buttons: ByKey
    votes: ByKey


def transcripts(connection: Connection, agent_id: int, ids: Sequence[int]) -> Transcripts:
    """Return the transcripts of conversations in order of time."""
    m = messages.c
    said = _grouped(connection, agent_id, messages, m.conversation, ids, (m.timestamp, m.id))
    return Transcripts(said, *_belongings(connection, agent_id, {"conversation": ids}))


def outline(connection: Connection, agent_id: int, conversation: int) -> list[RowMapping]:
    """Return id, kind, sender and turn of a conversation's messages, in order of time."""
    m = messages.c
    query = select(m.id, m.kind, m.sender, m.turn_id).where(
        m.agent_id == agent_id, m.conversation == conversation
    )
    return list(connection.execute(query.order_by(m.timestamp, m.id)).mappings())


def some_messages(
    connection: Connection, agent_id: int, conversation: int, ids: Sequence[int]
) -> Transcripts:
    """Return some of a conversation's messages in order of time, and what belongs to them."""
    m = messages.c
    said = _by(_rows(connection, agent_id, messages, m.id, ids, (m.timestamp, m.id)), "conversation")
    # Both: with many ids and no statistics SQLite would go through everything the agent has
    within = {"conversation": [conversation], "message": ids}
    return Transcripts(said, *_belongings(connection, agent_id, within))


def one_message(connection: Connection, agent_id: int, message: int) -> tuple[RowMapping, Transcripts] | None:
    """Return a message and what belongs to it; None when the agent has none such."""
    m = messages.c
    query = select(messages).where(m.agent_id == agent_id, m.id == message)
    row = connection.execute(query).mappings().first()
    if row is None:
        return None
    return row, Transcripts({}, *_belongings(connection, agent_id, {"message": [message]}))


def _belongings(
    connection: Connection, agent_id: int, within: Mapping[str, Sequence[int]]
) -> tuple[ByKey, ByKey, ByKey, ByKey]:
    def fetch(table: Table) -> ByKey:
        query = select(table).where(table.c.agent_id == agent_id, *_among(table, within))
        return _by(list(connection.execute(query.order_by(table.c.id)).mappings()), "message")

    votes = _by([row for row in _feedbacks(connection, agent_id, within) if row["message"]], "message")
    return fetch(attachments), fetch(action_logs), fetch(buttons), votes


def conversation_feedbacks(connection: Connection, agent_id: int, ids: Sequence[int]) -> ByKey:
    """Return the feedback on conversations and their messages, newest first."""
    return _by(_feedbacks(connection, agent_id, {"conversation": ids}), "conversation")


def _feedbacks(
    connection: Connection, agent_id: int, within: Mapping[str, Sequence[int]]
) -> list[RowMapping]:
    f = feedbacks.c
    query = select(feedbacks, environments.c.slug.label("environment")).join(
        environments, environments.c.id == f.environment_id
    )
    query = query.where(f.agent_id == agent_id, *_among(feedbacks, within))
    return list(connection.execute(query.order_by(f.created_at.desc(), f.id.desc())).mappings())


def conversation_tickets(connection: Connection, agent_id: int, ids: Sequence[int]) -> ByKey:
    """Return the tickets of conversations, newest first."""
    t = tickets.c
    query = select(tickets, environments.c.slug.label("environment")).join(
        environments, environments.c.id == t.environment_id
    )
    query = query.where(t.agent_id == agent_id, t.conversation.in_(ids))
    rows = connection.execute(query.order_by(t.created_at.desc(), t.id.desc())).mappings()
    return _by(list(rows), "conversation")


def ticket_comments(connection: Connection, agent_id: int, ids: Sequence[int]) -> ByKey:
    """Return the comments of tickets, oldest first."""
    c = comments.c
    return _grouped(connection, agent_id, comments, c.ticket, ids, (c.created_at, c.id))


def usage_rows(connection: Connection, agent_id: int, conversation: int) -> list[RowMapping]:
    """Return the token counts of a conversation."""
    u = token_usage.c
    return _rows(connection, agent_id, token_usage, u.conversation, [conversation], (u.started_at, u.id))


def attachment_rows(connection: Connection, agent_id: int, conversation: int) -> list[RowMapping]:
    """Return the attachments of a conversation with their messages' ``sender`` and ``timestamp``."""
    a, m = attachments.c, messages.c
    query = select(attachments, m.sender, m.timestamp).join(messages, m.id == a.message)
    query = query.where(a.agent_id == agent_id, a.conversation == conversation)
    return list(connection.execute(query.order_by(m.timestamp, a.id)).mappings())


def _grouped(
    connection: Connection,
    agent_id: int,
    table: Table,
    key: Column[Any],
    ids: Sequence[int],
    order: Sequence[Column[Any]],
) -> ByKey:
    return _by(_rows(connection, agent_id, table, key, ids, order), key.name)


def _rows(
    connection: Connection,
    agent_id: int,
    table: Table,
    key: Column[Any],
    ids: Sequence[int],
    order: Sequence[Column[Any]],
) -> list[RowMapping]:
    query = select(table).where(table.c.agent_id == agent_id, key.in_(ids)).order_by(*order)
    return list(connection.execute(query).mappings())


def _among(table: Table, within: Mapping[str, Sequence[int]]) -> list[ColumnElement[bool]]:
    """Conditions: each of the columns has one of its values."""
    return [table.c[name].in_(ids) for name, ids in within.items()]


def _by(rows: Sequence[RowMapping], name: str) -> ByKey:
    grouped: ByKey = defaultdict(list)
    for row in rows:
        grouped[row[name]].append(row)
    return grouped

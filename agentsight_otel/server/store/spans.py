"""The archive of spans."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, RowMapping, Select, func, select

from agentsight_otel.server.store.listing import Ordering, ordered
from agentsight_otel.server.store.tables import conversations, spans

ORDERINGS = ("started_at", "ended_at", "duration_ms", "id")
MAX_TRACE = 5000
"""Spans of one trace that are returned."""


class SpanFilter(msgspec.Struct, kw_only=True):
    """Which spans; None means no condition."""

    kind: str | None = None
    status: str | None = None
    name: str | None = None
    conversation: int | None = None
    conversation_id: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    parent_span_id: str | None = None
    environment_id: int | None = None
    started_after: int | None = None
    started_before: int | None = None


_EXACT = ("kind", "status", "name", "conversation", "trace_id", "span_id", "parent_span_id")


def conditions(agent_id: int, wanted: SpanFilter) -> list[ColumnElement[bool]]:
    """Return the conditions for a filter."""
    s, c = spans.c, conversations.c
    found: list[ColumnElement[bool]] = [s.agent_id == agent_id]
    found += [s[name] == getattr(wanted, name) for name in _EXACT if getattr(wanted, name) is not None]
    if wanted.conversation_id is not None:
        found.append(c.conversation_id == wanted.conversation_id)
    if wanted.environment_id is not None:
        found.append(c.environment_id == wanted.environment_id)
    if wanted.started_after is not None:
        found.append(s.started_at >= wanted.started_after)
    if wanted.started_before is not None:
        found.append(s.started_at <= wanted.started_before)
    return found


def count(connection: Connection, where: list[ColumnElement[bool]]) -> int:
    """Return how many spans match."""
    return connection.scalar(_joined(func.count()).where(*where)) or 0


def page(
    connection: Connection,
    where: list[ColumnElement[bool]],
    ordering: Ordering,
    offset: int,
    limit: int | None,
) -> list[RowMapping]:
    """Return matching rows with ``conversation_id`` added."""
    query = ordered(_rows().where(*where), spans, ordering).offset(offset)
    return list(connection.execute(query if limit is None else query.limit(limit)).mappings())


def one(connection: Connection, agent_id: int, span: int) -> RowMapping | None:
    """Return one row in the same form."""
    s = spans.c
    return connection.execute(_rows().where(s.agent_id == agent_id, s.id == span)).mappings().first()


def trace(connection: Connection, agent_id: int, trace_id: str) -> list[RowMapping]:
    """Return the spans of a trace by start, one more than `MAX_TRACE` at most."""
    s = spans.c
    query = _rows().where(s.agent_id == agent_id, s.trace_id == trace_id)
    return list(connection.execute(query.order_by(s.started_at, s.id).limit(MAX_TRACE + 1)).mappings())


def _joined(*columns: Any) -> Select[Any]:
    return select(*columns).select_from(spans).join(conversations, conversations.c.id == spans.c.conversation)


def _rows() -> Select[Any]:
    return _joined(spans, conversations.c.conversation_id.label("conversation_id"))

"""The archive of spans."""

from __future__ import annotations

from typing import Final

import msgspec
from sqlalchemy import ColumnElement, Connection, RowMapping

from agentsight_otel.server.store.filters import between, exactly
from agentsight_otel.server.store.listing import Listing
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
    found = [s.agent_id == agent_id, *exactly(s, wanted, _EXACT)]
    if wanted.conversation_id is not None:
        found.append(c.conversation_id == wanted.conversation_id)
    if wanted.environment_id is not None:
        found.append(c.environment_id == wanted.environment_id)
    return found + between(s.started_at, wanted.started_after, wanted.started_before)


_LISTED: Final = Listing(
    spans,
    spans.join(conversations, conversations.c.id == spans.c.conversation),
    (conversations.c.conversation_id.label("conversation_id"),),
)
count, page, one = _LISTED.count, _LISTED.page, _LISTED.one


def trace(connection: Connection, agent_id: int, trace_id: str) -> list[RowMapping]:
    """Return the spans of a trace by start, one more than `MAX_TRACE` at most."""
    s = spans.c
    query = _LISTED.rows().where(s.agent_id == agent_id, s.trace_id == trace_id)
    return list(connection.execute(query.order_by(s.started_at, s.id).limit(MAX_TRACE + 1)).mappings())

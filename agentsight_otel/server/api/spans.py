"""The archive of spans, and traces as trees."""

from __future__ import annotations

from typing import Any

import msgspec

from agentsight_otel.server.api import params
from agentsight_otel.server.api.conversations import key
from agentsight_otel.server.api.http import Answer, Call, not_found
from agentsight_otel.server.clock import iso
from agentsight_otel.server.store import spans
from agentsight_otel.server.store.details import Row
from agentsight_otel.server.store.keys import environment_ids
from agentsight_otel.server.store.spans import MAX_TRACE, SpanFilter

STATUSES = ("ok", "error", "unset")
_TEXTS = ("kind", "name", "conversation_id", "trace_id", "span_id", "parent_span_id")


class _Details(msgspec.Struct):
    attributes: msgspec.Raw = msgspec.Raw(b"{}")
    events: msgspec.Raw = msgspec.Raw(b"[]")


_read_details = msgspec.json.Decoder(_Details).decode


def list_spans(call: Call) -> Answer:
    """Return a page of spans, newest first."""
    query = call.query
    ordering = params.ordering(query, spans.ORDERINGS, "-started_at")
    texts: dict[str, Any] = {name: query.get(name) or None for name in _TEXTS}
    with call.store.read() as connection:
        known = environment_ids(connection, call.agent_id)
        wanted = SpanFilter(
            **texts,
            status=params.choice(query, "status", STATUSES),
            conversation=params.integer(query, "conversation"),
            environment_id=params.environment(query, known, "environment"),
            started_after=params.moment(query, "started_at_after"),
            started_before=params.moment(query, "started_at_before"),
        )
        where = spans.conditions(call.agent_id, wanted)

        def rows(offset: int, limit: int | None) -> list[dict[str, Any]]:
            return [_shape(row) for row in spans.page(connection, where, ordering, offset, limit)]

        return Answer(params.paginate(call, spans.count(connection, where), rows, bare=False))


def get_span(call: Call) -> Answer:
    """Return one span; with ``payload=true`` also exactly as it was ingested."""
    with call.store.read() as connection:
        row = spans.one(connection, call.agent_id, key(call))
    if row is None:
        raise not_found()
    shape = _shape(row)
    if params.flag(call.query, "payload"):
        shape["payload"] = msgspec.Raw(row["payload"].encode())
    return Answer(shape)


def get_trace(call: Call) -> Answer:
    """Return a trace as a tree; a span whose parent is not here is a root."""
    trace_id = call.path["trace_id"]
    with call.store.read() as connection:
        rows = spans.trace(connection, call.agent_id, trace_id)
    if not rows:
        raise not_found()
    nodes = {row["span_id"]: _shape(row) | {"children": []} for row in rows[:MAX_TRACE]}
    roots = []
    for node in nodes.values():
        parent = nodes.get(node["parent_span_id"] or "")
        if parent is None or _descends(parent, node["span_id"], nodes):
            roots.append(node)
        else:
            parent["children"].append(node)
    body = {"trace_id": trace_id, "span_count": len(nodes), "truncated": len(rows) > MAX_TRACE}
    return Answer(body | {"roots": roots})


def _descends(node: dict[str, Any] | None, span_id: str, nodes: dict[str, dict[str, Any]]) -> bool:
    """Tell whether a span is its own ancestor, which a tree cannot show."""
    seen: set[str] = set()
    while node is not None and node["span_id"] not in seen:
        if node["span_id"] == span_id:
            return True
        seen.add(node["span_id"])
        node = nodes.get(node["parent_span_id"] or "")
    return False


def _shape(row: Row) -> dict[str, Any]:
    details = _read_details(row["payload"].encode())
    names = ("id", "conversation", "conversation_id", "trace_id", "span_id", "parent_span_id", "kind", "name")
    return {
        **{name: row[name] for name in names},
        "started_at": iso(row["started_at"]),
        "ended_at": iso(row["ended_at"]),
        "duration_ms": row["duration_ms"],
        "status": row["status"],
        "attributes": details.attributes,
        "events": details.events,
    }

"""Token counts and what they cost."""

from __future__ import annotations

from typing import Any

from agentsight_otel.server.api import params, shapes
from agentsight_otel.server.api.http import Answer, ApiError, Call
from agentsight_otel.server.clock import iso
from agentsight_otel.server.store import usage_reading
from agentsight_otel.server.store.details import Row
from agentsight_otel.server.store.keys import environment_ids
from agentsight_otel.server.store.usage_reading import GROUPS, UsageFilter

COST_SOURCES = ("backend", "unpriced", "reported")
_DAY_US = 86_400_000_000
_SUMS = (
    "calls",
    "rows",
    "prompt_tokens",
    "completion_tokens",
    "embedding_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "total_tokens",
)


def _filter(call: Call, environments: dict[str, int]) -> UsageFilter:
    query = call.query
    return UsageFilter(
        model=query.get("model") or None,
        conversation=params.integer(query, "conversation"),
        conversation_id=query.get("conversation_id") or None,
        turn_id=query.get("turn_id") or None,
        environment_id=params.environment(query, environments, "environment"),
        cost_source=params.choice(query, "cost_source", COST_SOURCES),
        incomplete=params.flag(query, "incomplete"),
        started_after=params.moment(query, "started_at_after"),
        started_before=params.moment(query, "started_at_before"),
    )


def list_usage(call: Call) -> Answer:
    """Return a page of token counts, newest first."""
    ordering = params.ordering(call.query, usage_reading.ORDERINGS, "-started_at")
    with call.store.read() as connection:
        wanted = _filter(call, environment_ids(connection, call.agent_id))
        where = usage_reading.conditions(call.agent_id, wanted)

        def rows(offset: int, limit: int | None) -> list[dict[str, Any]]:
            return [_shape(row) for row in usage_reading.page(connection, where, ordering, offset, limit)]

        return Answer(params.paginate(call, usage_reading.count(connection, where), rows))


def _shape(row: Row) -> dict[str, Any]:
    names = ("id", "conversation", "conversation_id", "environment", "turn_id", "model")
    return {
        **{name: row[name] for name in names},
        **{name: row[name] for name in shapes.TOKEN_COLUMNS},
        "cost_usd": shapes.money(row["cost_usd_e8"]),
        "cost_usd_reported": shapes.money(row["cost_usd_reported_e8"]),
        "cost_source": row["cost_source"],
        "price_source": row["price_source"],
        "calls": row["calls"],
        "unreported_calls": row["unreported_calls"],
        "incomplete": row["incomplete"],
        "incomplete_reason": row["incomplete_reason"],
        "started_at": iso(row["started_at"]),
        "ended_at": iso(row["ended_at"]),
    }


def usage_summary(call: Call) -> Answer:
    """Return sums by model, conversation or day, biggest first. There is no exchange rate, so no euros."""
    group_by = call.query.get("group_by") or "model"
    if group_by not in GROUPS:
        raise ApiError(400, {"group_by": f"Must be one of: {', '.join(GROUPS)}."})
    with call.store.read() as connection:
        wanted = _filter(call, environment_ids(connection, call.agent_id))
        where = usage_reading.conditions(call.agent_id, wanted)
        rows = usage_reading.summary(connection, where, group_by)
    results = [
        {
            "group": (iso(row["group"] * _DAY_US) or "")[:10] if group_by == "day" else row["group"],
            **{name: int(row[name]) for name in _SUMS},
            "cost_usd": None if row["cost_usd_e8"] is None else int(row["cost_usd_e8"]) / 10**8,
        }
        for row in rows
    ]
    return Answer({"group_by": group_by, "currency": "USD", "results": results})

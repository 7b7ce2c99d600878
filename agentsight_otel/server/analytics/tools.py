"""What the agent's actions did: calls, errors, durations."""

from __future__ import annotations

import math
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from agentsight_otel.server.analytics.scope import Scope
from agentsight_otel.server.analytics.statistics import nearest_rank, rate
from agentsight_otel.server.store.tables import action_logs, actions


class Tool(NamedTuple):
    """One action over a period; durations in milliseconds, None when no call has one."""

    name: str
    display_name: str
    calls: int
    errors: int
    conversations: int
    mean_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    last_error: str

    @property
    def error_rate(self) -> float | None:
        """Share of the calls that report an error."""
        return rate(self.errors, self.calls)


def tools(connection: Connection, scope: Scope) -> list[Tool]:
    """Return every action that ran in the period, the busiest first."""
    logs = action_logs.c
    measured = func.coalesce(logs.duration_ms, (logs.ended_at - logs.started_at) / 1000.0)
    rows = connection.execute(
        select(actions.c.name, actions.c.display_name, logs.conversation, measured, logs.error_message)
        .select_from(action_logs.join(actions, logs.action == actions.c.id))
        .where(logs.agent_id == scope.agent, scope.within(logs.timestamp), scope.belongs(logs.conversation))
        .order_by(logs.timestamp, logs.id)
    )
    grouped: dict[tuple[str, str], list[tuple[int, float | None, str]]] = {}
    for name, display_name, conversation, duration, error in rows:
        grouped.setdefault((name, display_name), []).append((conversation, duration, error))
    found = [_tool(name, display, calls) for (name, display), calls in grouped.items()]
    return sorted(found, key=lambda tool: (-tool.calls, tool.name))


def _tool(name: str, display: str, calls: list[tuple[int, float | None, str]]) -> Tool:
    durations = sorted(float(duration) for _, duration, _ in calls if duration is not None)
    errors = [error for _, _, error in calls if error]
    return Tool(
        name,
        display or name,
        len(calls),
        len(errors),
        len({conversation for conversation, _, _ in calls}),
        math.fsum(durations) / len(durations) if durations else None,
        nearest_rank(durations, 0.5),
        nearest_rank(durations, 0.95),
        errors[-1] if errors else "",
    )

"""What the agent's actions did: calls, errors, durations."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, select

from agentsight_otel.server.analytics.action_runs import ACTION_RUNS, Ran
from agentsight_otel.server.analytics.hours import read
from agentsight_otel.server.analytics.packed import floats, whole
from agentsight_otel.server.analytics.scope import Scope
from agentsight_otel.server.analytics.statistics import joined_spread, rate
from agentsight_otel.server.store.tables import actions


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
    runs: dict[int, list[Ran]] = {}
    for _, part in read(connection, scope, ACTION_RUNS):
        for key, ran in part.actions.items():
            runs.setdefault(key, []).append(ran)
    a = actions.c
    names = connection.execute(select(a.id, a.name, a.display_name).where(a.agent_id == scope.agent))
    found = [_tool(name, display, runs[key]) for key, name, display in names if key in runs]
    return sorted(found, key=lambda tool: (-tool.calls, tool.name))


def _tool(name: str, display: str, runs: list[Ran]) -> Tool:
    took = joined_spread([floats(ran.durations) for ran in runs])
    where = set(whole(b"".join(ran.conversations for ran in runs)))
    return Tool(
        name,
        display or name,
        sum(ran.calls for ran in runs),
        sum(ran.errors for ran in runs),
        len(where),
        took.mean,
        took.p50,
        took.p95,
        next((ran.last_error for ran in reversed(runs) if ran.last_error), ""),
    )

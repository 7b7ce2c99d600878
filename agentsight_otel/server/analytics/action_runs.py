"""The actions that ran in an hour."""

from __future__ import annotations

from typing import Final

import msgspec
from sqlalchemy import Connection, func, select

from agentsight_otel.server.analytics.hours import Kind, Stretch
from agentsight_otel.server.analytics.packed import pack_floats, pack_whole
from agentsight_otel.server.store.derived import HOUR_US
from agentsight_otel.server.store.tables import action_logs, conversations


class Ran(msgspec.Struct, array_like=True):
    """The runs of one action.

    Attributes:
        calls: How many.
        errors: How many of them report an error.
        last_error: The latest of these, empty without any.
        durations: Milliseconds of those that say, packed.
        conversations: In which they ran, packed.
    """

    calls: int = 0
    errors: int = 0
    last_error: str = ""
    durations: bytes = b""
    conversations: bytes = b""


class ActionRuns(msgspec.Struct, array_like=True):
    """The runs of an hour by key of the action."""

    actions: dict[int, Ran] = msgspec.field(default_factory=dict)


def _measure(connection: Connection, stretch: Stretch) -> dict[tuple[int, int], ActionRuns]:
    a, c = action_logs.c, conversations.c
    took = func.coalesce(a.duration_ms, (a.ended_at - a.started_at) / 1000.0)
    rows = connection.execute(
        select(c.environment_id, a.timestamp, a.action, a.conversation, took, a.error_message)
        .select_from(action_logs.join(conversations, a.conversation == c.id))
        .where(a.agent_id == stretch.agent, stretch.within(a.timestamp), stretch.living())
        .order_by(a.timestamp, a.id)
    )
    found: dict[tuple[int, int], ActionRuns] = {}
    for environment, moment, action, conversation, duration, error in rows:
        hour = found.setdefault((environment, moment // HOUR_US), ActionRuns())
        ran = hour.actions.setdefault(action, Ran())
        ran.calls += 1
        ran.conversations += pack_whole([conversation])
        if duration is not None:
            ran.durations += pack_floats([float(duration)])
        if error:
            ran.errors += 1
            ran.last_error = error
    return found


ACTION_RUNS: Final = Kind("actions", ActionRuns, _measure)

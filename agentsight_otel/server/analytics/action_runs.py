"""The actions that ran in an hour."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection, func, select

from agentsight_otel.server.analytics.hours import Kind, Stretch
from agentsight_otel.server.analytics.packed import floats, pack_floats, pack_whole, whole
from agentsight_otel.server.store.derived import HOUR_US
from agentsight_otel.server.store.tables import action_logs, conversations


class Ran(msgspec.Struct, array_like=True):
    """The runs of one action.

    Attributes:
        calls: How many.
        errors: How many of them report an error.
        last_error: The latest of these, empty without any.
        durations: Milliseconds of those that say, ascending, packed.
        conversations: In which they ran, each once, ascending, packed.
    """

    calls: int = 0
    errors: int = 0
    last_error: str = ""
    durations: bytes = b""
    conversations: bytes = b""


class ActionRuns(msgspec.Struct, array_like=True):
    """The runs of an hour, or of a day, by key of the action."""

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
    seen: dict[tuple[int, int, int], tuple[list[float], list[int]]] = {}
    for environment, moment, action, conversation, duration, error in rows:
        hour = moment // HOUR_US
        ran = found.setdefault((environment, hour), ActionRuns()).actions.setdefault(action, Ran())
        durations, talks = seen.setdefault((environment, hour, action), ([], []))
        ran.calls += 1
        talks.append(conversation)
        if duration is not None:
            durations.append(float(duration))
        if error:
            ran.errors += 1
            ran.last_error = error
    for (environment, hour, action), (durations, talks) in seen.items():
        _set_values(found[environment, hour].actions[action], durations, talks)
    return found


def _join(parts: Sequence[tuple[int, ActionRuns]]) -> ActionRuns:
    day = ActionRuns()
    seen: dict[int, tuple[list[float], list[int]]] = {}
    for _, part in parts:
        for action, ran in part.actions.items():
            whole_day = day.actions.setdefault(action, Ran())
            whole_day.calls += ran.calls
            whole_day.errors += ran.errors
            whole_day.last_error = ran.last_error or whole_day.last_error
            durations, talks = seen.setdefault(action, ([], []))
            durations += floats(ran.durations)
            talks += whole(ran.conversations)
    for action, (durations, talks) in seen.items():
        _set_values(day.actions[action], durations, talks)
    return day


def _set_values(ran: Ran, durations: Iterable[float], talks: Iterable[int]) -> None:
    ran.durations = pack_floats(sorted(durations))
    ran.conversations = pack_whole(sorted(set(talks)))


ACTION_RUNS: Final = Kind("actions", ActionRuns, _measure, _join)

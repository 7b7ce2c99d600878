"""What arrived, from whom, and how late."""

from __future__ import annotations

from typing import Any, Final

from markupsafe import Markup
from sqlalchemy import BigInteger, Connection, case, func, literal_column, select
from starlette.responses import Response

from agentsight_otel.server.dashboard import charts, present
from agentsight_otel.server.dashboard.render import page
from agentsight_otel.server.dashboard.view import View
from agentsight_otel.server.store.keys import list_keys
from agentsight_otel.server.store.tables import conversations, messages, spans
from agentsight_otel.wording import counted

HOUR: Final = 3_600_000_000
DAY: Final = 24
SKEWED: Final = 300_000_000
"""Five minutes ahead of this machine's clock is a wrong clock."""
ARRIVED: Final = ("ahead_count", "prompt_count", "minutes_count", "hours_count", "days_count")


def show(view: View) -> Response:
    """Return the page."""
    with view.store.read() as connection:
        keys = list_keys(connection, view.agent.id)
        numbers = _arrivals(connection, view)
        hours = _hours(connection, view)
    return page(
        view,
        "health.html",
        heading="Health",
        active="health",
        keys=keys,
        clocks=[key for key in keys if any(key[name] for name in ARRIVED)],
        skewed_us=SKEWED,
        chart=_chart(view, hours),
        **numbers,
    )


def _arrivals(connection: Connection, view: View) -> dict[str, Any]:
    s, m, c = spans.c, messages.c, conversations.c
    agent = view.agent.id

    def latest(column: Any, mine: Any) -> int | None:
        return connection.execute(select(func.max(column)).where(mine == agent)).scalar()

    def count(condition: Any) -> Any:
        return func.sum(case((condition, 1), else_=0))

    day = connection.execute(
        select(
            func.count(),
            func.avg(s.received_at - s.ended_at),
            count(s.status == "error"),
            count(s.ended_at > s.received_at + SKEWED),
            count(s.turn_complete.is_(False)),
        ).where(s.agent_id == agent, s.started_at >= view.now - DAY * HOUR)
    ).one()
    return {
        "last_span": latest(s.started_at, s.agent_id),
        "last_message": latest(m.timestamp, m.agent_id),
        "last_conversation": latest(c.started_at, c.agent_id),
        "spans_day": day[0],
        "delay_ms": None if day[1] is None else max(0.0, float(day[1]) / 1000),
        "errors_day": int(day[2] or 0),
        "skewed_day": int(day[3] or 0),
        "incomplete_day": int(day[4] or 0),
    }


def _hours(connection: Connection, view: View) -> dict[int, tuple[int, int]]:
    """Spans without and with an error by the hour they began in, whole hours since the Unix epoch."""
    s = spans.c
    hour = s.started_at // literal_column(str(HOUR), BigInteger)
    failed = func.sum(case((s.status == "error", 1), else_=0))
    query = select(hour, func.count(), failed).where(
        s.agent_id == view.agent.id, s.started_at >= (view.now // HOUR - DAY + 1) * HOUR
    )
    return {
        int(row[0]): (row[1] - int(row[2]), int(row[2])) for row in connection.execute(query.group_by(hour))
    }


def _chart(view: View, found: dict[int, tuple[int, int]]) -> Markup:
    now = view.now // HOUR
    slots = []
    for hour in range(now - DAY + 1, now + 1):
        begins = view.moment(hour * HOUR)
        title = f"{begins:%a %H:%M}" + (" (so far)" if hour == now else "")
        slots.append(charts.Slot(f"{begins:%H:%M}", title, found.get(hour, (0, 0)), hour == now))
    series = [
        charts.Series("Without an error", "c1", present.compact),
        charts.Series("With an error", "bad", present.compact),
    ]
    total = sum(good + bad for good, bad in found.values())
    said = f"{counted(total, 'span')} in {DAY} hours."
    return charts.bars(charts.Chart("arrivals", "Spans by hour", said, "Hour", series, slots), stacked=True)

"""The first page: the period at a glance. For data that is not production, what is being received."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from markupsafe import Markup
from sqlalchemy import Connection, func, select
from starlette.responses import Response

from agentsight_otel.server.analytics import (
    activity,
    breakdowns,
    outcomes,
    ratings,
    responses,
    tools,
    volumes,
)
from agentsight_otel.server.analytics.scope import Scope
from agentsight_otel.server.analytics.statistics import BUCKET_EDGES, change
from agentsight_otel.server.dashboard import charts, present
from agentsight_otel.server.dashboard.render import page
from agentsight_otel.server.dashboard.view import View
from agentsight_otel.server.store.tables import action_logs, conversations, feedbacks, messages, token_usage
from agentsight_otel.wording import counted

TONES = {"positive": "good", "neutral": "calm", "negative": "bad"}


Shares = tuple[activity.Activity, list[tools.Tool], list[tuple[str, breakdowns.Breakdown]]]


class Numbers(NamedTuple):
    """Everything the page compares between two periods."""

    volumes: volumes.Volumes
    outcomes: outcomes.Outcomes
    responses: responses.Responses
    ratings: ratings.Ratings


def show(view: View) -> Response:
    """Return the page."""
    if not view.environment.is_production:
        return _development(view)
    scope = view.scope
    now, (when, used, splits) = view.recent.get(("now", scope), lambda: _now(view, scope))
    before = view.recent.get(("before", scope), lambda: _before(view, scope.previous()))
    by_step = {name: activity.by_step(getattr(when, name), view.period) for name in when._fields}
    peak = view.params.get("peak", "messages")
    peak = peak if peak in when._fields else "messages"
    return page(
        view,
        "analytics.html",
        heading="Analytics",
        active="",
        now=now.volumes,
        ends=now.outcomes,
        answers=now.responses,
        rated=now.ratings,
        moved=_moved(now, before),
        tools=used,
        splits=splits,
        reach=list(zip(volumes.REACH, now.volumes.reach, strict=True)),
        peak=peak,
        slowest=view.link("conversations", ordering="-response"),
        messages_by_step=list(by_step["messages"].values()),
        conversations_by_step=list(by_step["conversations"].values()),
        response_by_step=[one.mean for one in now.responses.steps.values() if one.mean is not None],
        days_chart=_activity_chart(view, by_step),
        response_chart=_response_chart(view, now.responses),
        distribution_chart=_distribution_chart(now.responses),
        peak_chart=charts.heat_map(
            "peak-map", "Peak hours", peak[:-1], activity.by_hour(getattr(when, peak))
        ),
        rated_chart=rating_split(now.ratings.split),
    )


def rating_split(split: dict[str, int]) -> Markup:
    """Return the split bar of ratings by sentiment."""
    parts = [charts.Part(name, split[name], TONES[name]) for name in ratings.SENTIMENTS]
    return charts.split("rated", "Ratings by sentiment", parts)


def _now(view: View, scope: Scope) -> tuple[Numbers, Shares]:
    with view.store.read() as connection:
        return _numbers(connection, view, scope, by_step=True), _shares(connection, scope)


def _before(view: View, scope: Scope) -> Numbers:
    with view.store.read() as connection:
        return _numbers(connection, view, scope, by_step=False)


def _numbers(connection: Connection, view: View, scope: Scope, *, by_step: bool) -> Numbers:
    return Numbers(
        volumes.volumes(connection, scope),
        outcomes.outcomes(connection, scope, datetime.fromtimestamp(view.now / 1_000_000, UTC)),
        responses.responses(connection, scope, by_step=by_step),
        ratings.ratings(connection, scope),
    )


def _shares(connection: Connection, scope: Scope) -> Shares:
    when = activity.activity(connection, scope)
    used = tools.tools(connection, scope)
    splits = [
        (f"{name}s", breakdowns.breakdown(connection, scope, name))
        for name in ("device", "source", "language")
    ]
    countries = breakdowns.breakdown(connection, scope, "country")
    return when, used, [*splits, *([("countries", countries)] if countries.recorded else [])]


def _moved(now: Numbers, before: Numbers) -> dict[str, float | None]:
    """Changes against the period before, by name; None where that had too few cases."""
    (v, o, r, f), (w, p, s, g) = now, before
    return {
        "messages": change(v.messages, w.messages, w.messages),
        "conversations": change(v.conversations, w.conversations, w.conversations),
        "users": change(v.users, w.users, w.users),
        "response": change(r.overall.mean, s.overall.mean, s.overall.number),
        "p50": change(r.overall.p50, s.overall.p50, s.overall.number),
        "p95": change(r.overall.p95, s.overall.p95, s.overall.number),
        "interaction": change(v.interaction, w.interaction, w.conversations),
        "bounce": change(v.bounce, w.bounce, w.used),
        "duration": change(v.duration_ms, w.duration_ms, w.timed),
        "escalation": change(o.escalation, p.escalation, p.used),
        "containment": change(o.containment, p.containment, p.used),
        "abandonment": change(o.abandonment, p.abandonment, p.used),
        "satisfaction": change(f.satisfaction, g.satisfaction, g.rated),
    }


def step_slot(view: View, step: date, *values: float | None, page_name: str = "") -> charts.Slot:
    """Return a step's place on an axis, marked if it is not over; a click on a day leads to its page."""
    now = view.moment(view.now)
    if isinstance(step, datetime):
        partial, label, title, href = step == _hour(now), f"{step:%H:%M}", f"{step:%a %H:%M}", None
    else:
        partial, label, title = step == now.date(), present.short_day(step), present.day(step)
        href = view.link(page_name, **{"from": step, "to": step, "range": None})
    return charts.Slot(label, title + " (so far)" * partial, values, partial, href)


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0, tzinfo=None)


def _activity_chart(view: View, by_step: dict[str, dict[date, int]]) -> Markup:
    told, begun = by_step["messages"], by_step["conversations"]
    slots = [step_slot(view, step, told[step], begun[step], page_name="conversations") for step in told]
    series = [
        charts.Series("Messages", "c1", present.compact),
        charts.Series("Conversations", "c2", present.compact),
    ]
    said = (
        f"{counted(sum(told.values()), 'message')}, "
        f"{counted(sum(begun.values()), 'conversation')}, {counted(view.period.length, 'day')}."
    )
    step = view.period.step
    title = f"Messages and conversations by {step}"
    return charts.bars(charts.Chart("days", title, said, step.capitalize(), series, slots))


def _response_chart(view: View, answers: responses.Responses) -> Markup:
    step = view.period.step
    slots = [step_slot(view, place, spread.p50, spread.p95) for place, spread in answers.steps.items()]
    series = [
        charts.Series("Median", "c1", present.axis_duration),
        charts.Series("95th percentile", "c3", present.axis_duration),
    ]
    p50, p95 = present.duration(answers.overall.p50), present.duration(answers.overall.p95)
    said = f"Median {p50}, 95th percentile {p95}."
    chart = charts.Chart("answers", f"Response time by {step}", said, step.capitalize(), series, slots)
    return charts.lines(chart, whole=True)


def _distribution_chart(answers: responses.Responses) -> Markup:
    edges = [0, *BUCKET_EDGES]
    slots = []
    for place, count in enumerate(answers.buckets):
        low = present.axis_duration(edges[place])
        last = place == len(answers.buckets) - 1
        title = f"{low} and more" if last else f"{low} to {present.axis_duration(edges[place + 1])}"
        slots.append(charts.Slot(low, title, (count,)))
    series = [charts.Series("Answers", "c1", present.compact)]
    said = f"{counted(answers.overall.number, 'answer')} by the time taken."
    return charts.bars(charts.Chart("spread", "Distribution of response times", said, "Time", series, slots))


def _development(view: View) -> Response:
    scope = view.scope
    with view.store.read() as connection:
        metrics = _receiving(connection, scope)
    return page(view, "development.html", heading="Development mode", active="", metrics=metrics)


def _receiving(connection: Connection, scope: Scope) -> list[tuple[str, int, str, str]]:
    """What is received: a definition's name, how many, of what, and how to record it."""
    c, m = conversations.c, messages.c

    def started(*conditions: Any) -> int:
        query = select(func.count()).select_from(conversations).where(scope.started(), *conditions)
        return connection.execute(query).scalar_one()

    def rows(table: Any, moment: Any, *conditions: Any) -> int:
        joined = table.join(conversations, table.c.conversation == c.id)
        query = (
            select(func.count()).select_from(joined).where(scope.living(), scope.within(moment), *conditions)
        )
        return connection.execute(query).scalar_one()

    said = rows(messages, m.timestamp, m.kind == "message")
    answers = rows(messages, m.timestamp, m.response_ms.is_not(None))
    runs = rows(action_logs, action_logs.c.timestamp)
    calls = rows(token_usage, token_usage.c.started_at)
    rated = rows(feedbacks, feedbacks.c.created_at)
    return [
        ("conversations", started(), "conversation", "start one with get_or_create_conversation()"),
        ("messages", said, "message", "track_human_message(), track_agent_message()"),
        ("response_mean", answers, "answer", "an agent message after a user's"),
        ("users", started(c.customer_id.is_not(None)), "conversation with a customer id", "pass customer_id"),
        (
            "interaction",
            started(c.is_used),
            "used conversation",
            "initialize_conversation() when the widget opens",
        ),
        ("tool_calls", runs, "action", "track_action()"),
        ("tokens", calls, "model call", "record model calls, or track_token_usage()"),
        ("satisfaction", rated, "rating", "submit_feedback()"),
        ("devices", started(c.device.is_not(None)), "conversation with a device", "pass device"),
        ("sources", started(c.source.is_not(None)), "conversation with a source", "pass source"),
        ("languages", started(c.language.is_not(None)), "conversation with a language", "pass language"),
    ]

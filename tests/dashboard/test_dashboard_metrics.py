"""Every metric against a second computation that shares no code with the first."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dashboard_data import Talk, us, write
from dashboard_oracle import NOW, Oracle, cost_of, worlds
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from agentsight_otel.server.analytics import (
    activity,
    breakdowns,
    customers,
    outcomes,
    ratings,
    responses,
    spending,
    tools,
    volumes,
)
from agentsight_otel.server.analytics.keeping import days_to_join, join_day, keep_hours
from agentsight_otel.server.analytics.period import Period
from agentsight_otel.server.analytics.scope import Scope
from agentsight_otel.server.store import Store
from agentsight_otel.server.store.keys import create_agent, environment_ids
from agentsight_otel.server.store.tables import conversations


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One database; every example has an agent of its own in it."""
    opened = Store.open(str(tmp_path_factory.mktemp("metrics") / "metrics.db"))
    yield opened
    opened.close()


def before(talk: Talk) -> Talk:
    """The conversation as it was earlier: half as long, elsewhere, another customer's, deleted or not."""
    return replace(
        talk,
        said=talk.said[: len(talk.said) // 2],
        ran=talk.ran[: len(talk.ran) // 2],
        spent=talk.spent[: len(talk.spent) // 2],
        rated=[],
        fields=dict.fromkeys(talk.fields.keys() & {"customer_id", "device"}, "earlier"),
        environment="development" if talk.environment == "production" else "production",
        deleted=not talk.deleted,
    )


def scope_of(store: Store, everything: list[Talk], period: Period, kept: int) -> Scope:
    """Write the conversations under a new agent and return the scope that asks about them.

    Each is written twice: earlier, after which all hours are kept; then as it is, after which *kept* hours
    are. What is asked is therefore answered from hours that were kept, were kept again, or are stale.
    """
    with store.write() as connection:
        agent = create_agent(connection, "one")
        production = environment_ids(connection, agent)["production"]
    if everything:
        write(store, agent, [before(talk) for talk in everything])
        keep(store, 10_000)
        write(store, agent, everything)
        with store.write() as connection:
            for talk in everything:
                mine = (conversations.c.agent_id == agent) & (conversations.c.conversation_id == talk.id)
                deleted_at = 1 if talk.deleted else None
                connection.execute(update(conversations).where(mine).values(deleted_at=deleted_at))
    keep(store, kept)
    return Scope(agent, production, period)


def keep(store: Store, limit: int) -> None:
    """Keep so many stale hours, and the days they make whole."""
    keep_hours(store, limit)
    with store.read() as connection:
        days = days_to_join(connection, limit)
    with store.write() as connection:
        for day in days:
            join_day(connection, *day)


KEPT = st.sampled_from((0, 3, 10_000))
"""How many stale hours are kept before the question is asked."""
SETTINGS = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@SETTINGS
@given(world=worlds(), kept=KEPT)
def test_volumes_and_outcomes_equal_the_oracle(
    store: Store, world: tuple[list[Talk], Period], kept: int
) -> None:
    """Conversations, users, messages, reach, bounce, duration, escalation and abandonment."""
    scope = scope_of(store, *world, kept)
    oracle = Oracle(*world)
    with store.read() as connection:
        found = volumes.volumes(connection, scope)
        ends = outcomes.outcomes(connection, scope, NOW)
    users = [sum(1 for _, sender in talk.said if sender == "end_user") for talk in oracle.used]
    said = [len(oracle.people(talk)) for talk in oracle.started]
    assert found.conversations == len(oracle.started)
    assert found.used == ends.used == len(oracle.used)
    assert found.users == len(
        {talk.fields["customer_id"] for talk in oracle.started if "customer_id" in talk.fields}
    )
    assert found.anonymous == sum("customer_id" not in talk.fields for talk in oracle.started)
    assert found.messages == len(oracle.sent())
    assert found.own_messages == sum(said)
    assert found.bounced == users.count(1)
    assert found.reach == tuple(sum(count >= least for count in users) for least in volumes.REACH)
    assert found.timed == sum(count >= 2 for count in said)
    assert ends.escalated == sum(
        any(name in {"contact_human", "ticket"} for _, name, *_ in talk.ran) for talk in oracle.used
    )
    waiting = [oracle.people(talk)[-1:] for talk in oracle.used]
    assert ends.abandoned == sum(bool(line) and line[0][1] == "end_user" for line in waiting)


@SETTINGS
@given(world=worlds(), kept=KEPT)
def test_times_equal_the_oracle(store: Store, world: tuple[list[Talk], Period], kept: int) -> None:
    """Response times with their percentiles, days and hours of the week on the zone's clock."""
    scope = scope_of(store, *world, kept)
    oracle = Oracle(*world)
    with store.read() as connection:
        found = responses.responses(connection, scope)
        when = activity.activity(connection, scope)
    answers = oracle.answers()
    values = [value for _, value in answers]
    assert found.overall.number == len(values)
    assert found.overall.p50 == oracle.rank(values, 0.5)
    assert found.overall.p95 == oracle.rank(values, 0.95)
    assert (found.overall.mean or 0.0) == pytest.approx(sum(values) / len(values) if values else 0.0)
    by_step: dict[date, list[float]] = defaultdict(list)
    for moment, value in answers:
        by_step[oracle.step(moment)].append(value)
    assert {step: spread.p50 for step, spread in found.steps.items() if spread.number} == {
        step: oracle.rank(values, 0.5) for step, values in by_step.items()
    }
    sent = oracle.sent()
    begun = [oracle.begin(talk) for talk in oracle.started]
    for counts, expected in ((when.messages, sent), (when.conversations, begun)):
        steps = activity.by_step(counts, scope.period)
        assert list(steps) == oracle.steps
        assert {step: count for step, count in steps.items() if count} == Counter(map(oracle.step, expected))
        week = activity.by_hour(counts)
        assert {(d, h): week[d][h] for d in range(7) for h in range(24) if week[d][h]} == Counter(
            (local.weekday(), local.hour) for local in map(oracle.local, expected)
        )


@SETTINGS
@given(world=worlds(), kept=KEPT)
def test_tools_ratings_and_spending_equal_the_oracle(
    store: Store, world: tuple[list[Talk], Period], kept: int
) -> None:
    """Calls, errors, durations; latest customer ratings; tokens and cost by model, day and customer."""
    scope = scope_of(store, *world, kept)
    oracle = Oracle(*world)
    with store.read() as connection:
        used = {tool.name: tool for tool in tools.tools(connection, scope)}
        rated = ratings.ratings(connection, scope)
        models = {group.key: group.spending for group in spending.by_model(connection, scope)}
        spent_steps = spending.by_step(connection, scope)
        total = spending.total(connection, scope)
        devices = breakdowns.breakdown(connection, scope, "device")
        people, _ = customers.customers(connection, scope, contains="", page=1)
    runs: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for talk in oracle.alive:
        for moment, name, duration, error in talk.ran:
            if oracle.inside(moment):
                runs[name].append((duration, error))
    assert set(used) == set(runs)
    for name, calls in runs.items():
        durations = [duration for duration, _ in calls]
        assert (used[name].calls, used[name].errors) == (len(calls), sum(bool(error) for _, error in calls))
        assert used[name].p95_ms == pytest.approx(oracle.rank(durations, 0.95))
        assert used[name].mean_ms == pytest.approx(sum(durations) / len(durations))
    latest = Counter()
    for talk in oracle.started:
        mine = [
            (moment, place, mood)
            for place, (moment, mood, source, _) in enumerate(talk.rated)
            if source == "customer"
        ]
        if mine:
            latest[max(mine)[2]] += 1
    assert {mood: count for mood, count in rated.split.items() if count} == latest
    calls = [(talk, *call) for talk in oracle.alive for call in talk.spent if oracle.inside(call[0])]
    assert total.total == sum(prompt + completion for *_, prompt, completion in calls)
    assert set(models) == {model for _, _, model, _, _ in calls}
    costs = [cost_of(*call) for _, *call in calls]
    known = [cost for cost in costs if cost is not None]
    assert total.cost_e8 == (sum(known) if known else None)
    per_step = Counter()
    for _, moment, _, prompt, completion in calls:
        per_step[oracle.step(moment)] += prompt + completion
    assert {step: row.total for step, row in spent_steps.items() if row.total} == +per_step
    assert {row.value: row.number for row in devices.rows} == Counter(
        talk.fields.get("device") for talk in oracle.started
    )
    theirs: dict[str, list[Talk]] = defaultdict(list)
    for talk in oracle.started:
        if "customer_id" in talk.fields:
            theirs[talk.fields["customer_id"]].append(talk)
    assert {row.customer_id: row[1:] for row in people} == {
        name: (
            len(mine),
            sum(len(oracle.people(talk)) for talk in mine),
            us(min(map(oracle.begin, mine))),
            us(max(map(oracle.last, mine))),
        )
        for name, mine in theirs.items()
    }


PARTS = {
    "input": "gen_ai.usage.input_tokens",
    "output": "gen_ai.usage.output_tokens",
    "read": "agentsight.llm.cache_read_tokens",
    "written": "agentsight.llm.cache_write_tokens",
    "embedding": "agentsight.llm.embedding_tokens",
    "reasoning": "agentsight.llm.reasoning_tokens",
}
MODELS = ("gpt-4.1-mini", "claude-sonnet-4-5", "nobody-knows-1")
calls = st.tuples(
    st.integers(0, 71), st.sampled_from(MODELS), st.tuples(*[st.integers(0, 3000) for _ in PARTS])
)


@SETTINGS
@given(spent=st.lists(calls, max_size=8), kept=KEPT)
def test_every_kind_of_token_equals_the_oracle(
    store: Store, spent: list[tuple[int, str, tuple[int, ...]]], kept: int
) -> None:
    """Input, output, cache, embedding and reasoning tokens of a period of two days, by model and in all."""
    first = date(2026, 5, 4)
    began = datetime(
        2026, 5, 3, 12, tzinfo=UTC
    )  # half a day before the period; it ends a day before the last
    talk = Talk(1, began, spent=[(began + timedelta(hours=at), model, 0, 0) for at, model, _ in spent])
    talk.tokens = [dict(zip(PARTS.values(), counts, strict=True)) for _, _, counts in spent]
    scope = scope_of(store, [talk], Period(first, first + timedelta(days=1), ZoneInfo("UTC")), kept)
    with store.read() as connection:
        found = {group.key: group.spending for group in spending.by_model(connection, scope)}
        found[""] = spending.total(connection, scope)
    inside = [(model, dict(zip(PARTS, counts, strict=True))) for at, model, counts in spent if 12 <= at < 60]
    for name in {"", *(model for model, _ in inside)}:
        mine = [(model, each) for model, each in inside if name in {"", model}]
        add = {part: sum(each[part] for _, each in mine) for part in PARTS}
        all_of = [(model, sum(each.values()) - each["reasoning"]) for model, each in mine]
        row = found.pop(name)
        assert (row.calls, row.input, row.output) == (len(mine), add["input"], add["output"])
        assert (row.cached, row.embedding) == (add["read"] + add["written"], add["embedding"])
        assert (row.reasoning, row.total) == (add["reasoning"], sum(count for _, count in all_of))
        assert row.unpriced_tokens == sum(count for model, count in all_of if model == "nobody-knows-1")
    assert found == {}


def test_unknown_model_costs_nothing_known() -> None:
    """A model without a price has no cost, which is not zero."""
    assert cost_of(NOW, "nobody-knows-1", 1000, 10) is None
    assert math.isfinite(cost_of(NOW, "gpt-4.1-mini", 1000, 10) or math.nan)

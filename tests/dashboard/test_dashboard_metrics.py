"""Every metric against a second computation that shares no code with the first."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dashboard_data import Talk, us, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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
from agentsight_otel.server.analytics.period import Period
from agentsight_otel.server.analytics.scope import Scope
from agentsight_otel.server.prices import Tokens, price
from agentsight_otel.server.store import Store
from agentsight_otel.server.store.keys import create_agent, environment_ids

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Apia",
)
AROUND = (
    datetime(2026, 3, 29, tzinfo=UTC),
    datetime(2026, 10, 25, tzinfo=UTC),
    datetime(2026, 11, 1, tzinfo=UTC),
    datetime(2026, 7, 1, tzinfo=UTC),
)
NOW = datetime(2026, 12, 1, tzinfo=UTC)
NAMES = ("lookup", "contact_human", "ticket", "search")

moments = st.integers(0, 6 * 86_400 * 1_000_000).map(lambda n: timedelta(microseconds=n))


@st.composite
def talks(draw: st.DrawFn, number: int, base: datetime) -> Talk:
    """One conversation within six days of *base*, its times in any order."""
    start = base + draw(moments)
    near = st.one_of(
        st.integers(0, 120_000), st.integers(0, 100_000_000), st.sampled_from((0, 86_400_000, 86_400_001))
    )
    at = near.map(lambda ms: start + timedelta(milliseconds=ms))
    return Talk(
        number,
        start,
        said=draw(
            st.lists(st.tuples(at, st.sampled_from(("end_user", "agent", "agent", "system"))), max_size=7)
        ),
        ran=draw(
            st.lists(
                st.tuples(
                    at,
                    st.sampled_from(NAMES),
                    st.floats(0, 9e4).map(lambda v: round(v, 3)),
                    st.sampled_from(("", "", "boom")),
                ),
                max_size=3,
            )
        ),
        spent=draw(
            st.lists(
                st.tuples(
                    at,
                    st.sampled_from(("gpt-4.1-mini", "nobody-knows-1")),
                    st.integers(0, 5000),
                    st.integers(0, 5000),
                ),
                max_size=2,
            )
        ),
        rated=draw(
            st.lists(
                st.tuples(
                    at,
                    st.sampled_from(ratings.SENTIMENTS),
                    st.sampled_from(("customer", "customer", "platform")),
                    st.sampled_from(("", "why")),
                ),
                max_size=2,
            )
        ),
        fields=draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "customer_id": st.sampled_from(("ann", "bob", "cy")),
                    "device": st.sampled_from(("mobile", "desktop")),
                    "language": st.just("en"),
                },
            )
        ),
        environment=draw(st.sampled_from(("production", "production", "development"))),
        deleted=draw(st.sampled_from((False, False, False, True))),
    )


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Talk], Period]:
    """Some conversations and the period that is asked about."""
    base = draw(st.sampled_from(AROUND)) - timedelta(days=3)
    many = [draw(talks(number, base)) for number in range(draw(st.integers(0, 6)))]
    zone = ZoneInfo(draw(st.sampled_from(ZONES)))
    first = base.date() + timedelta(days=draw(st.integers(0, 5)))
    return many, Period(first, first + timedelta(days=draw(st.integers(0, 4))), zone)


class Oracle:
    """The same questions, answered by walking over the conversations."""

    def __init__(self, everything: list[Talk], period: Period) -> None:
        self.period = period
        self.alive = [talk for talk in everything if talk.environment == "production" and not talk.deleted]
        self.started = [talk for talk in self.alive if self.inside(self.begin(talk))]
        self.used = [talk for talk in self.started if talk.said or talk.ran or talk.spent]

    def begin(self, talk: Talk) -> datetime:
        """When its first span began."""
        return min(
            [talk.start, *(m for m, _ in talk.said), *(m for m, *_ in talk.ran), *(m for m, *_ in talk.spent)]
        )

    def local(self, moment: datetime) -> datetime:
        """The instant on the reader's clock."""
        return moment.astimezone(self.period.zone)

    def inside(self, moment: datetime) -> bool:
        """Whether it is in the period."""
        return self.period.first <= self.local(moment).date() <= self.period.last

    def people(self, talk: Talk) -> list[tuple[datetime, str]]:
        """What users and agents said, in order; what was said at once keeps the order of writing."""
        return sorted((line for line in talk.said if line[1] != "system"), key=lambda line: line[0])

    def sent(self) -> list[datetime]:
        """When each message of the period was sent."""
        return [moment for talk in self.alive for moment, _ in self.people(talk) if self.inside(moment)]

    def answers(self) -> list[tuple[datetime, float]]:
        """When each answer came and how long it took, by the rule in words."""
        found = []
        for talk in self.alive:
            asked = None
            for moment, sender in self.people(talk):
                if sender == "end_user":
                    asked = moment
                elif asked is not None:
                    if moment - asked <= timedelta(hours=24) and self.inside(moment):
                        found.append((moment, us(moment) / 1000 - us(asked) / 1000))
                    asked = None
        return found

    def rank(self, values: Iterable[float], share: float) -> float | None:
        """The smallest value that at least this share of the values does not exceed, by trying them all."""
        found = sorted(values)
        return next((v for v in found if sum(w <= v for w in found) >= share * len(found) - 1e-9), None)


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    """One database; every example has an agent of its own in it."""
    opened = Store.open(":memory:")
    yield opened
    opened.close()


def scope_of(store: Store, everything: list[Talk], period: Period) -> Scope:
    """Write the conversations under a new agent and return the scope that asks about them."""
    with store.write() as connection:
        agent = create_agent(connection, "one")
        production = environment_ids(connection, agent)["production"]
    if everything:
        write(store, agent, everything)
    return Scope(agent, production, period)


SETTINGS = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@SETTINGS
@given(world=worlds())
def test_volumes_and_outcomes_equal_the_oracle(store: Store, world: tuple[list[Talk], Period]) -> None:
    """Conversations, users, messages, reach, bounce, duration, escalation and abandonment."""
    scope = scope_of(store, *world)
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
@given(world=worlds())
def test_times_equal_the_oracle(store: Store, world: tuple[list[Talk], Period]) -> None:
    """Response times with their percentiles, days and hours of the week on the zone's clock."""
    scope = scope_of(store, *world)
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
    by_day: dict[date, list[float]] = defaultdict(list)
    for moment, value in answers:
        by_day[oracle.local(moment).date()].append(value)
    assert {day: spread.p50 for day, spread in found.days.items() if spread.number} == {
        day: oracle.rank(values, 0.5) for day, values in by_day.items()
    }
    sent = [oracle.local(moment) for moment in oracle.sent()]
    begun = [oracle.local(oracle.begin(talk)) for talk in oracle.started]
    for counts, expected in ((when.messages, sent), (when.conversations, begun)):
        days = activity.by_day(counts, scope.period)
        assert list(days) == scope.period.days
        assert {day: count for day, count in days.items() if count} == Counter(
            moment.date() for moment in expected
        )
        week = activity.by_hour(counts, scope.period)
        assert {(d, h): week[d][h] for d in range(7) for h in range(24) if week[d][h]} == Counter(
            (moment.weekday(), moment.hour) for moment in expected
        )


@SETTINGS
@given(world=worlds())
def test_tools_ratings_and_spending_equal_the_oracle(store: Store, world: tuple[list[Talk], Period]) -> None:
    """Calls, errors, durations; latest customer ratings; tokens and cost by model, day and customer."""
    scope = scope_of(store, *world)
    oracle = Oracle(*world)
    with store.read() as connection:
        used = {tool.name: tool for tool in tools.tools(connection, scope)}
        rated = ratings.ratings(connection, scope)
        models = {group.key: group.spending for group in spending.by_model(connection, scope)}
        spent_days = spending.by_day(connection, scope)
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
    costs = [_cost(*call) for _, *call in calls]
    known = [cost for cost in costs if cost is not None]
    assert total.cost_e8 == (sum(known) if known else None)
    per_day = Counter()
    for _, moment, _, prompt, completion in calls:
        per_day[oracle.local(moment).date()] += prompt + completion
    assert {day: row.total for day, row in spent_days.items() if row.total} == +per_day
    assert {row.value: row.number for row in devices.rows} == Counter(
        talk.fields.get("device") for talk in oracle.started
    )
    assert {row.customer_id: row.conversations for row in people} == Counter(
        talk.fields["customer_id"] for talk in oracle.started if "customer_id" in talk.fields
    )


def _cost(moment: datetime, model: str, prompt: int, completion: int) -> int | None:
    hour = us(moment) // 3_600_000_000 * 3_600_000_000
    found = price(model, None, Tokens(prompt=prompt, completion=completion), hour)
    return found.usd_e8 if found else None


def test_unknown_model_costs_nothing_known() -> None:
    """A model without a price has no cost, which is not zero."""
    assert _cost(NOW, "nobody-knows-1", 1000, 10) is None
    assert math.isfinite(_cost(NOW, "gpt-4.1-mini", 1000, 10) or math.nan)

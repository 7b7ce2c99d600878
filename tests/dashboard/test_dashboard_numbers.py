"""The numbers as the pages show them, against the second computation, over random conversations."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from itertools import pairwise
from statistics import fmean
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from dashboard_data import Talk, write
from dashboard_oracle import COUNTRIES, Oracle, cost_of, worlds
from dashboard_reading import Page
from dashboard_running import Dashboard
from hypothesis import HealthCheck, given, settings
from sqlalchemy import insert

from agentsight_otel.server.analytics import ratings, volumes
from agentsight_otel.server.analytics.period import Period
from agentsight_otel.server.analytics.statistics import BUCKET_EDGES, wilson
from agentsight_otel.server.clock import now_us
from agentsight_otel.server.dashboard.present import compact, day, duration, money, number, percent
from agentsight_otel.server.store.keys import create_agent
from agentsight_otel.server.store.tables import spans

World = tuple[list[Talk], Period]
HUMAN = {"contact_human", "ticket"}
SETTINGS = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@pytest.fixture(scope="module")
def running() -> Iterator[Dashboard]:
    """One server; every example has an agent of its own on it."""
    dashboard = Dashboard(needs_login=False)
    yield dashboard
    dashboard.close()


@pytest.fixture(scope="module")
def client(running: Dashboard) -> httpx.Client:
    """One connection to it."""
    return running.client(timeout=60)


class Case:
    """A world written down, its oracle, and a way to its pages."""

    def __init__(self, running: Dashboard, client: httpx.Client, world: World) -> None:
        everything, period = world
        with running.store.write() as connection:
            self.agent = create_agent(connection, "one")
        self.keys = write(running.store, self.agent, everything) if everything else {}
        self.client = client
        self.base = f"{running.url}/agents/{self.agent}/"
        self.oracle = Oracle(everything, period)
        self.period = period

    def page(self, path: str = "", **params: str) -> Page:
        """Open a page of the period."""
        days = {"from": self.period.first.isoformat(), "to": self.period.last.isoformat()}
        return Page(self.client, self.base + path, **days, tz=self.period.zone.key, **params)

    def per_step(self, moments: Iterable[datetime]) -> list[str]:
        """Count by local day, or by hour of a single one, all of the period."""
        counts = Counter(map(self.oracle.step, moments))
        return [compact(counts[one]) for one in self.oracle.steps]

    def by_step(self, what: str) -> str:
        """Return a chart's title."""
        return f"{what} by {'hour' if self.oracle.hourly else 'day'}"


def share(part: float, whole: float) -> float | None:
    """Return part / whole, None of nothing."""
    return part / whole if whole else None


def mean(values: list[float]) -> float | None:
    """Return the mean, None of nothing."""
    return fmean(values) if values else None


def rates(oracle: Oracle) -> dict[str, tuple[float | None, int]]:
    """Return each rate by its name on the page, with how many cases it rests on."""
    used = oracle.used
    lines = {talk.id: [sender for _, sender in oracle.people(talk)] for talk in oracle.started}
    handed = sum(any(name in HUMAN for _, name, *_ in talk.ran) for talk in used)
    left = sum(lines[talk.id][-1:] == ["end_user"] for talk in used)
    once = sum(lines[talk.id].count("end_user") == 1 for talk in used)
    timed = [oracle.length(talk) for talk in oracle.started if len(lines[talk.id]) >= 2]
    answers = [value for _, value in oracle.answers()]
    moods = [mood for mood in map(oracle.rating, oracle.started) if mood]
    many = len(used)
    return {
        "Interaction": (share(many, len(oracle.started)), len(oracle.started)),
        "Escalation": (share(handed, many), many),
        "Containment": (share(many - handed, many), many),
        "Abandonment": (share(left, many), many),
        "Bounce": (share(once, many), many),
        "Duration": (mean(timed), len(timed)),
        "Mean response time": (mean(answers), len(answers)),
        "Median response time": (oracle.rank(answers, 0.5), len(answers)),
        "p95 response time": (oracle.rank(answers, 0.95), len(answers)),
        "Satisfaction": (share(moods.count("positive"), len(moods)), len(moods)),
    }


def change(now: float | None, before: float | None, cases: int) -> str:
    """Say the change in words, by the rule in words."""
    if now is None or not before or cases < 5:
        return ""
    moved = now / before - 1
    if moved >= 9.995:
        return f"×{moved + 1:,.0f}"
    if abs(moved) < 0.0005:
        return "±0%"
    sign = "−" if moved < 0 else "+"
    return f"{sign}{abs(moved):.0%}" if abs(moved) >= 0.095 else f"{sign}{abs(moved):.1%}"


@SETTINGS
@given(world=worlds())
def test_analytics_cards_and_rates(running: Dashboard, client: httpx.Client, world: World) -> None:
    """Every card and every rate, with its change against the period before."""
    case = Case(running, client, world)
    oracle, page = case.oracle, case.page()
    people = {talk.fields.get("customer_id") for talk in oracle.started} - {None}
    for label, now in (
        ("Messages", len(oracle.sent())),
        ("Conversations", len(oracle.started)),
        ("Individual users", len(people)),
    ):
        assert page.fact(label) == number(now)
    for label, (now, _), (before, cases) in zip(
        rates(oracle), rates(oracle).values(), rates(oracle.before()).values(), strict=True
    ):
        is_time = "time" in label or label == "Duration"
        assert page.fact(label) == (duration(now) if is_time else percent(now)), label
        assert page.moved(label) == change(now, before, cases), label
    rated_used = sum(oracle.rating(talk) is not None for talk in oracle.used)
    assert page.fact("Rated") == percent(share(rated_used, len(oracle.used)))
    own = sum(len(oracle.people(talk)) for talk in oracle.started)
    assert f"{number(share(own, len(oracle.used)))} per used conversation" in page.text
    moods = Counter(mood for mood in map(oracle.rating, oracle.started) if mood)
    if moods:
        low, high = wilson(moods["positive"], moods.total()) or (0, 0)
        assert f"95% interval {percent(low)} – {percent(high)}" in page.text


@SETTINGS
@given(world=worlds())
def test_analytics_charts_and_splits(running: Dashboard, client: httpx.Client, world: World) -> None:
    """Days or hours, the week, the distribution, tools, and conversations by what was recorded with them."""
    case = Case(running, client, world)
    oracle, page = case.oracle, case.page()
    begun = [oracle.begin(talk) for talk in oracle.started]
    steps = [f"{one:%a %H:%M}" if oracle.hourly else day(one) for one in oracle.steps]
    rows = page.rows(case.by_step("Messages and conversations"))
    assert rows == [
        list(row) for row in zip(steps, case.per_step(oracle.sent()), case.per_step(begun), strict=True)
    ]
    for kind, moments in (("messages", oracle.sent()), ("conversations", begun)):
        counts = Counter((oracle.local(m).weekday(), oracle.local(m).hour) for m in moments)
        shown = case.page(peak=kind).rows("Peak hours")
        assert [row[1:] for row in shown] == [[str(counts[d, h]) for h in range(24)] for d in range(7)]
    edges = [0, *BUCKET_EDGES, float("inf")]
    waits = [value for _, value in oracle.answers()]
    buckets = [sum(low <= value < high for value in waits) for low, high in pairwise(edges)]
    assert [row[1] for row in page.rows("Distribution of response times")] == [compact(n) for n in buckets]
    runs = Counter(name for talk in oracle.alive for moment, name, *_ in talk.ran if oracle.inside(moment))
    assert page.meters("tools") == {name: number(count) for name, count in runs.items()}
    for heading, field in (("devices", "device"), ("sources", "source"), ("languages", "language")):
        assert page.meters(heading) == split(talk.fields.get(field) for talk in oracle.started)
    countries = [COUNTRIES.get(talk.fields.get("customer_ip_address", "")) for talk in oracle.started]
    assert any(countries) == ("h-countries" in page.text)
    if any(countries):
        assert page.meters("countries") == split(countries)
    said = [sum(sender == "end_user" for _, sender in oracle.people(talk)) for talk in oracle.used]
    reach = [number(sum(count >= least for count in said)) for least in volumes.REACH]
    assert list(page.meters("reach").values()) == reach


def split(values: Iterable[str | None]) -> dict[str, str]:
    """Return the rows of a breakdown; without any value it says so instead."""
    counts = Counter(value or "not recorded" for value in values)
    return {} if set(counts) <= {"not recorded"} else {name: number(count) for name, count in counts.items()}


@SETTINGS
@given(world=worlds())
def test_tokens_and_cost(running: Dashboard, client: httpx.Client, world: World) -> None:
    """Totals, days, models, customers and conversations."""
    case = Case(running, client, world)
    oracle, page = case.oracle, case.page("tokens")
    calls = oracle.calls()
    total = sum(prompt + completion for *_, prompt, completion in calls)
    assert page.fact("Tokens") == compact(total)
    assert page.fact("Model calls") == number(len(calls))
    assert page.fact("Cost") == money(spent(call[1:] for call in calls))
    unpriced = sum(
        prompt + completion for _, _, model, prompt, completion in calls if model == "nobody-knows-1"
    )
    assert (f"leaves out {number(unpriced)} token{'' if unpriced == 1 else 's'}." in page.text) == bool(
        unpriced
    )
    groups: dict[str, list[Any]] = defaultdict(list)
    owners: dict[str, list[Any]] = defaultdict(list)
    talks: dict[str, list[Any]] = defaultdict(list)
    by_step: dict[Any, list[Any]] = defaultdict(list)
    for talk, *call in calls:
        groups[call[1]].append(call)
        owners[talk.fields.get("customer_id", "anonymous")].append(call)
        talks[talk.id].append(call)
        by_step[oracle.step(call[0])].append(call)
    shown = {row[0]: [row[2], row[3], row[4], row[7], row[8]] for row in page.rows("Models")}
    assert shown == {
        model: [
            number(len(mine)),
            number(sum(call[2] for call in mine)),
            number(sum(call[3] for call in mine)),
            number(sum(call[2] + call[3] for call in mine)),
            cell(mine),
        ]
        for model, mine in groups.items()
    }
    for title, expected in (("Customers", owners), ("Conversations", talks)):
        assert {row[0]: row[1:] for row in page.rows(title)} == {
            name: [number(sum(call[2] + call[3] for call in mine)), cell(mine)]
            for name, mine in expected.items()
        }
    assert [row[1:3] for row in page.rows(case.by_step("Tokens"))] == [
        [compact(sum(call[place] for call in by_step[one])) for place in (2, 3)] for one in oracle.steps
    ]


def spent(calls: Iterable[Any]) -> int | None:
    """Add up what is known."""
    known = [cost for cost in (cost_of(*call) for call in calls) if cost is not None]
    return sum(known) if known else None


def cell(calls: list[Any]) -> str:
    """Say what calls cost."""
    cost = spent(calls)
    return "unpriced" if cost is None and sum(call[2] + call[3] for call in calls) else money(cost)


@SETTINGS
@given(world=worlds())
def test_tools_feedback_and_customers(running: Dashboard, client: httpx.Client, world: World) -> None:
    """Each action, each day's ratings, each comment, each customer in the period and ever."""
    case = Case(running, client, world)
    oracle = case.oracle
    runs: dict[str, list[Any]] = defaultdict(list)
    for talk in oracle.alive:
        for moment, name, lasted, error in talk.ran:
            if oracle.inside(moment):
                runs[name].append((talk.id, lasted, bool(error)))
    shown = {re.sub("boom$", "", row[0]): [row[1], *row[3:]] for row in case.page("tools").rows("Actions")}
    assert shown == {name: tool(oracle, mine) for name, mine in runs.items()}
    given_ = [
        (moment, mood, comment)
        for talk in oracle.alive
        for moment, mood, source, comment in talk.rated
        if source == "customer" and oracle.inside(moment)
    ]
    page = case.page("feedback")
    per_step = Counter((oracle.step(moment), mood) for moment, mood, _ in given_)
    assert [row[1:] for row in page.rows(case.by_step("Ratings"))] == [
        [compact(per_step[one, mood]) for mood in ratings.SENTIMENTS] for one in oracle.steps
    ]
    for mood in ratings.SENTIMENTS:
        listed = case.page("feedback", sentiment=mood, all="1").text.count('<div class="comment">')
        assert listed == sum(said == mood for _, said, _ in given_)
    assert page.text.count('<div class="comment">') == sum(bool(comment) for *_, comment in given_)
    rows = {row[0]: row[1:3] for row in case.page("customers").rows("Customers")}
    for name in ("ann", "bob", "cy"):
        check_customer(case, name, rows.get(name))


def tool(oracle: Oracle, runs: list[tuple[str, float, bool]]) -> list[str]:
    """Return the cells of an action's row."""
    lasted = [one for _, one, _ in runs]
    errors = sum(failed for *_, failed in runs)
    times = (mean(lasted), oracle.rank(lasted, 0.5), oracle.rank(lasted, 0.95))
    many = len(runs)
    found = len({talk for talk, *_ in runs})
    return [number(many), number(errors), percent(errors / many), *map(duration, times), number(found)]


def check_customer(case: Case, name: str, row: list[str] | None) -> None:
    """Compare a customer's row of the period, and the numbers of their page over all time."""
    oracle = case.oracle
    mine = [talk for talk in oracle.alive if talk.fields.get("customer_id") == name]
    now = [talk for talk in oracle.started if talk in mine]
    messages = sum(len(oracle.people(talk)) for talk in now)
    assert row == ([number(len(now)), number(messages)] if now else None)
    if not mine:
        assert case.client.get(f"{case.base}customers/{name}").status_code == 404
        return
    page = case.page(f"customers/{name}")
    calls = [call for talk in mine for call in talk.spent]
    assert page.fact("Conversations") == number(len(mine))
    assert page.fact("Messages") == number(sum(len(oracle.people(talk)) for talk in mine))
    assert page.fact("Tokens") == compact(sum(call[2] + call[3] for call in calls))
    assert page.fact("Cost") == money(spent(calls))


def test_health_counts_the_last_day(running: Dashboard, client: httpx.Client) -> None:
    """Spans, errors, incomplete turns, clocks that are ahead and the delay, of the last 24 hours only."""
    first = date(2026, 1, 1)
    case = Case(
        running, client, ([Talk(1, datetime(2026, 1, 1, tzinfo=UTC))], Period(first, first, ZoneInfo("UTC")))
    )
    now = now_us()
    hour, minute = 3_600_000_000, 60_000_000
    rows = [
        (now - 25 * hour, 0, "error", False),
        *(
            (now - n * hour, 2 * minute, "error" if n % 5 == 0 else "ok", n % 4 == 0 or None)
            for n in range(23)
        ),
        (now - hour, -6 * minute, "ok", False),
        (now - hour, -4 * minute, "ok", False),
    ]
    with running.store.write() as connection:
        for place, (began, late, status, complete) in enumerate(rows):
            row = {"span_id": f"{place + 10:016x}", "trace_id": "1" * 32, "kind": "turn", "name": "turn"}
            row |= {"started_at": began, "ended_at": began, "received_at": began + late, "status": status}
            mine = {"agent_id": case.agent, "conversation": case.keys["talk-1"]}
            connection.execute(insert(spans).values(**mine, **row, payload="{}", turn_complete=complete))
    page = Page(client, case.base + "health")
    recent = [row for row in rows if row[0] >= now - 24 * hour]
    assert page.fact("Spans") == number(len(recent))
    assert page.fact("With an error") == number(sum(status == "error" for _, _, status, _ in recent))
    assert page.fact("Incomplete turns") == number(sum(complete is False for *_, complete in recent))
    assert page.fact("From the future") == "1"
    assert page.fact("Mean delay") == duration(max(0, fmean(late for _, late, *_ in recent)) / 1000)
    by_hour = page.rows("Spans by hour")
    assert len(by_hour) == 24
    in_chart = [row for row in rows if row[0] >= (now // hour - 23) * hour]
    assert sum(int(good) + int(bad) for _, good, bad in by_hour) == len(in_chart)


@pytest.mark.soak
@pytest.mark.timeout(7200)
@settings(SETTINGS, max_examples=1000)
@given(world=worlds())
def test_a_thousand_random_databases(running: Dashboard, client: httpx.Client, world: World) -> None:
    """Every number of every page again, a thousand times."""
    for test in (
        test_analytics_cards_and_rates,
        test_analytics_charts_and_splits,
        test_tokens_and_cost,
        test_tools_feedback_and_customers,
    ):
        test.hypothesis.inner_test(running, client, world)

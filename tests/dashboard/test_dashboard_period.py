"""Periods, summer time and the arithmetic of the metrics."""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agentsight_otel.server.analytics.definitions import DEFINITIONS
from agentsight_otel.server.analytics.lines import Lines
from agentsight_otel.server.analytics.local_time import day_of, local_quarter, local_quarters
from agentsight_otel.server.analytics.packed import pack_floats
from agentsight_otel.server.analytics.period import MAX_DAYS, Period, between, last_days
from agentsight_otel.server.analytics.responses import in_steps
from agentsight_otel.server.analytics.statistics import (
    BUCKET_EDGES,
    change,
    distribution,
    joined_spread,
    wilson,
)

days = st.dates(date(1995, 1, 1), date(2100, 1, 1))
zones = st.sampled_from(("UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia")).map(
    ZoneInfo
)


@given(days, st.integers(0, 400), zones)
def test_previous_period_is_equal_and_adjacent(first: date, length: int, zone: ZoneInfo) -> None:
    """The period before has as many days and ends where this one begins."""
    period = Period(first, first + timedelta(days=length), zone)
    before = period.previous()
    assert before.length == period.length == len(period.days)
    assert before.end == period.start


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        (date(2026, 3, 29), "Europe/Berlin", 23),
        (date(2026, 10, 25), "Europe/Berlin", 25),
        (date(2026, 4, 5), "Australia/Lord_Howe", 24.5),
        (date(2026, 6, 1), "Asia/Kathmandu", 24),
    ],
)
def test_a_day_is_as_long_as_its_clock_says(day: date, zone: str, hours: float) -> None:
    """Days with a change of summer time are shorter or longer."""
    period = Period(day, day, ZoneInfo(zone))
    assert period.end - period.start == timedelta(hours=hours)


@given(days, st.integers(0, 23), st.integers(1, 24), zones)
def test_quarters_of_several_hours(day: date, hour: int, hours: int, zone: ZoneInfo) -> None:
    """Together they are what they are one by one, whether or not the clock changes among them."""
    first = (day - date(1970, 1, 1)).days * 96 + hour * 4
    one_by_one = [local_quarter(zone, first + place) for place in range(hours * 4)]
    assert list(local_quarters(zone, first, hours * 4)) == one_by_one


@example(date(2009, 11, 1), ZoneInfo("America/St_Johns"))
@given(days, zones)
def test_times_of_answers_by_local_day(day: date, zone: ZoneInfo) -> None:
    """Three days with answers in every quarter: each is found on the day on which its quarter begins."""
    begin = (day - date(1970, 1, 1)).days * 24
    parts, expected = [], defaultdict(list)
    for hour in range(begin, begin + 72):
        values = [hour * 4.0 + place for place in range(4)]
        packed = pack_floats(values)
        parts.append((hour, Lines(total=sum(values), sent=[1] * 4, answers=packed, places=bytes(range(4)))))
        for quarter in range(hour * 4, hour * 4 + 4):
            expected[day_of(local_quarter(zone, quarter))].append(float(quarter))
    whole = Period(day - timedelta(days=1), day + timedelta(days=3), zone)
    found = [(one, sorted(chain.from_iterable(pieces))) for one, pieces in in_steps(whole, parts)]
    assert dict(found) == expected
    assert len(found) == len(expected)


@given(days, days, zones)
def test_any_two_days_make_a_period(one: date, other: date, zone: ZoneInfo) -> None:
    """In either order, and never longer than ten years."""
    period = between(one, other, zone)
    assert period.first <= period.last == max(one, other)
    assert period.length <= MAX_DAYS
    assert period.start < period.end


def test_extreme_days_do_not_overflow() -> None:
    """The first and the last day of the calendar are cut to what can be computed."""
    period = between(date.min, date.max, ZoneInfo("UTC"))
    assert period.length <= MAX_DAYS
    assert period.previous().start < period.start


def test_today_is_the_reader_s_today() -> None:
    """At 23:30 UTC it is already tomorrow in Berlin."""
    now = datetime(2026, 6, 1, 23, 30, tzinfo=UTC)
    assert last_days(1, ZoneInfo("Europe/Berlin"), now).last == date(2026, 6, 2)
    assert last_days(1, ZoneInfo("America/New_York"), now).last == date(2026, 6, 1)


def nearest_rank(ordered: list[float], share: float) -> float | None:
    """Return the smallest value with at least *share* of all values at or below it; None without values."""
    return ordered[max(0, math.ceil(share * len(ordered) - 1e-9) - 1)] if ordered else None


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=40), st.sampled_from((0.5, 0.95, 1.0)))
def test_nearest_rank_is_the_smallest_that_covers_the_share(values: list[float], share: float) -> None:
    """At least the share lies at or below it, and less than the share below it."""
    found = nearest_rank(sorted(values), share)
    assert found in values
    assert sum(v <= found for v in values) >= share * len(values) - 1e-9
    assert sum(v < found for v in values) < share * len(values)


@given(st.lists(st.lists(st.one_of(st.floats(0, 1e6), st.integers(0, 3)), max_size=30), max_size=8))
def test_spread_of_joined_runs_is_that_of_all_their_values(values: list[list[float]]) -> None:
    """Median and 95th percentile found across ascending runs are those of one sorted list."""
    found = joined_spread([sorted(run) for run in values])
    everything = sorted(value for run in values for value in run)
    assert (found.number, found.p50) == (len(everything), nearest_rank(everything, 0.5))
    assert found.p95 == nearest_rank(everything, 0.95)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_solves_its_equation(case: tuple[int, int]) -> None:
    """Both ends are 1.96 standard errors of their own away from the share."""
    successes, trials = case
    low, high = wilson(successes, trials) or (0.0, 0.0)
    assert 0 <= low <= successes / trials <= high <= 1
    for end in (low, high):
        if 1e-9 < end < 1 - 1e-9:
            error = math.sqrt(end * (1 - end) / trials)
            assert abs(successes / trials - end) == pytest.approx(1.959964 * error, rel=1e-4, abs=1e-6)


def test_change_needs_enough_cases_before() -> None:
    """Four cases are too few to compare with, five are enough."""
    assert change(10, 4, 4) is None
    assert change(10, 5, 5) == 1.0
    assert change(None, 5, 5) is None


@given(st.lists(st.floats(0, 1e6), max_size=50))
def test_distribution_puts_every_value_in_one_bucket(values: list[float]) -> None:
    """The counts add up, and the bucket below the first edge has exactly what is below it."""
    counts = distribution([sorted(values[:20]), sorted(values[20:])])
    assert sum(counts) == len(values)
    assert counts[0] == sum(v < BUCKET_EDGES[0] for v in values)
    assert counts[-1] == sum(v >= BUCKET_EDGES[-1] for v in values)


def test_every_definition_says_something() -> None:
    """No number is explained by its own name alone."""
    assert all(len(d.text) > 40 and d.text.endswith(".") for d in DEFINITIONS.values())

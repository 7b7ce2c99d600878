from __future__ import annotations

import math
import random
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentsight_otel.retry import MAX_RETRY_AFTER, Backoff, RetryPolicy, parse_retry_after

NOW = 1_790_000_000.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("3", 3.0),
        (" 2.5 ", 2.5),
        ("0", 0.0),
        ("-1", None),
        ("NaN", None),
        ("inf", MAX_RETRY_AFTER),
        ("1000000000", MAX_RETRY_AFTER),
        ("1e400", MAX_RETRY_AFTER),
        ("soon", None),
        ("", None),
        (formatdate(NOW + 30, usegmt=True), 30.0),
        (formatdate(NOW - 30, usegmt=True), 0.0),
        (formatdate(NOW + 86400, usegmt=True), MAX_RETRY_AFTER),
        ("Mon, 99 Foo 2026 99:99:99 GMT", None),
    ],
)
def test_retry_after_in_every_form(value: str | None, seconds: float | None) -> None:
    """Each form a server may send becomes seconds within the cap, or nothing (D5)."""
    assert parse_retry_after(value, lambda: NOW) == seconds


@given(st.text())
def test_retry_after_never_raises(value: str) -> None:
    """Any text is either a wait within the cap or nothing."""
    wait = parse_retry_after(value)
    assert wait is None or 0 <= wait <= MAX_RETRY_AFTER


@given(st.integers(0, 10_000), st.floats(0, 0.999999))
def test_full_jitter_stays_within_its_bound(failures: int, number: float) -> None:
    """A wait is never negative and never over the bound of its attempt or the longest wait."""
    delay = RetryPolicy(rand=lambda: number).delay(failures)
    assert 0 <= delay <= min(60.0, 0.5 * 2.0 ** min(max(failures - 1, 0), 64))


@given(st.floats(0, 1e9), st.floats(0, 0.999999))
def test_a_wait_the_server_asks_for_is_never_cut_short(asked: float, number: float) -> None:
    """What the server asks, up to the cap, is the least and a tenth more the most (D5)."""
    wanted = min(asked, MAX_RETRY_AFTER)
    assert wanted <= RetryPolicy(rand=lambda: number).delay(3, asked) <= wanted * 1.1


def test_backoff_knows_only_the_monotonic_clock() -> None:
    """Nothing but the caller's monotonic seconds decides when the next attempt is due (D16)."""
    backoff = Backoff(RetryPolicy(rand=lambda: 0.5))
    assert backoff.left(10.0) == 0
    assert backoff.failed(10.0) == 0.25
    assert math.isclose(backoff.left(10.1), 0.15)
    backoff.skip()
    assert (backoff.left(10.1), backoff.failures) == (0, 1)
    backoff.hold(20.0, 30.0)
    assert backoff.left(21.0) == 29.0
    backoff.succeeded()
    assert (backoff.left(21.0), backoff.failures) == (0, 0)


def test_clients_do_not_come_back_together() -> None:
    """After an outage 100 clients spread out: no second sees twice the mean of the first waits (D23)."""
    source = random.Random(7)  # noqa: S311 -- a simulation, to be the same each time
    policy = RetryPolicy(rand=source.random)
    arrivals = [policy.delay(8) for _ in range(6000)]
    buckets = [0] * 60
    for arrival in arrivals:
        buckets[int(arrival)] += 1
    assert max(buckets) <= 2 * sum(buckets) / len(buckets)

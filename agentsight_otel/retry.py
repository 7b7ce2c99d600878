"""When to try again: full jitter on the monotonic clock, and Retry-After in every form. Pure."""

from __future__ import annotations

import dataclasses
import math
import random
import time
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime

MAX_RETRY_AFTER = 300.0
"""Seconds a server may ask us to wait; what it asks beyond that is cut to this."""

_MAX_DOUBLINGS = 32
_random = random.Random()  # noqa: S311 - jitter; its own, so that a host's seeded numbers stay as they are
_SPREAD = 0.1


@dataclasses.dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long to wait after a failure; there is no last attempt.

    Attributes:
        first: Upper bound of the first wait, seconds.
        longest: Upper bound of every wait that the server did not ask for, seconds.
        rand: Source of numbers in ``[0, 1)``.
    """

    first: float = 0.5
    longest: float = 60.0
    rand: Callable[[], float] = _random.random

    def delay(self, failures: int, retry_after: float | None = None) -> float:
        """Return the seconds to wait after *failures* failures in a row.

        Without *retry_after* any wait up to the bound is as likely as another, so that many clients do not
        come back together. With it the wait is at least that, and at most a tenth more.
        """
        if retry_after is not None:
            return min(retry_after, MAX_RETRY_AFTER) * (1.0 + _SPREAD * self.rand())
        doublings = min(max(failures - 1, 0), _MAX_DOUBLINGS)
        return min(self.longest, self.first * 2.0**doublings) * self.rand()


class Backoff:
    """The state between attempts at one destination; every time is monotonic seconds."""

    def __init__(self, policy: RetryPolicy | None = None) -> None:
        self.policy = policy or RetryPolicy()
        self.failures = 0
        self._not_before = -math.inf

    def failed(self, now: float, retry_after: float | None = None) -> float:
        """Note a failure; return the seconds to wait.

        A *retry_after* of 0 is none: a date is past for a server whose clock is behind ours.
        """
        self.failures += 1
        wait = self.policy.delay(self.failures, retry_after or None)
        self._not_before = now + wait
        return wait

    def hold(self, now: float, seconds: float) -> None:
        """Wait *seconds* from *now*, whatever the failures so far."""
        self._not_before = now + seconds

    def succeeded(self) -> None:
        """Forget every failure."""
        self.failures = 0
        self._not_before = -math.inf

    def skip(self) -> None:
        """Allow one attempt at once, and keep the count of failures."""
        self._not_before = -math.inf

    def left(self, now: float) -> float:
        """Return the seconds until the next attempt is allowed, 0 when it is."""
        return max(0.0, self._not_before - now)


def parse_retry_after(value: str | None, clock: Callable[[], float] = time.time) -> float | None:
    """Read a ``Retry-After`` header.

    Args:
        value: Seconds, fractions included, or an HTTP date.
        clock: Seconds since the Unix epoch, for dates.

    Returns:
        Seconds from 0 to ``MAX_RETRY_AFTER``. None for no value, text, NaN, or a negative number, which
        say nothing. A date in the past is 0.
    """
    if value is None:
        return None
    text = value.strip()
    try:
        seconds = float(text)
    except ValueError:
        return _from_date(text, clock)
    if math.isnan(seconds) or seconds < 0:
        return None
    return min(seconds, MAX_RETRY_AFTER)


def _from_date(text: str, clock: Callable[[], float]) -> float | None:
    try:
        when = parsedate_to_datetime(text)
        stamp = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, stamp - clock()), MAX_RETRY_AFTER)

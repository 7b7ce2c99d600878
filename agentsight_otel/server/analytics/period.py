"""Periods in a time zone: half-open, made of whole local days, and their equal predecessors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from agentsight_otel.server.analytics.local_time import clock_hour_of, day_of

MAX_DAYS = 3660
"""Ten years: what a page can be asked for."""


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days in a time zone, ``[first, last]``; as instants, half-open.

    Attributes:
        first: First local day.
        last: Last local day, inclusive.
        zone: The time zone the days are in.
    """

    first: date
    last: date
    zone: ZoneInfo

    @property
    def start(self) -> datetime:
        """The first instant, in UTC."""
        return _midnight(self.first, self.zone)

    @property
    def end(self) -> datetime:
        """The first instant after the period, in UTC."""
        return _midnight(self.last + timedelta(days=1), self.zone)

    @property
    def days(self) -> list[date]:
        """Every day of the period, in order."""
        return [self.first + timedelta(days=place) for place in range(self.length)]

    @property
    def step(self) -> str:
        """What charts show side by side: ``day``, or ``hour`` where the period is one day."""
        return "hour" if self.first == self.last else "day"

    @property
    def steps(self) -> list[date]:
        """Every step of the period, in order; an hour is a time on the clock, without a zone."""
        if self.step == "day":
            return self.days
        return [datetime.combine(self.first, time(hour)) for hour in range(24)]

    @property
    def step_of(self) -> Callable[[int], date]:
        """What gives the step in which a local quarter lies."""
        return day_of if self.step == "day" else clock_hour_of

    @property
    def length(self) -> int:
        """How many days."""
        return (self.last - self.first).days + 1

    def previous(self) -> Period:
        """Return the period of as many days just before."""
        return Period(self.first - timedelta(days=self.length), self.first - timedelta(days=1), self.zone)

    def local(self, moment: datetime) -> datetime:
        """Return the instant on this period's clock."""
        return moment.astimezone(self.zone)


def last_days(count: int, zone: ZoneInfo, now: datetime) -> Period:
    """Return the *count* days up to and including today in *zone*."""
    today = now.astimezone(zone).date()
    return Period(today - timedelta(days=count - 1), today, zone)


def between(first: date, last: date, zone: ZoneInfo) -> Period:
    """Return the period of these days, in either order, cut to ``MAX_DAYS`` and to the years 1990 to 2200."""
    low, high = min(first, last), max(first, last)
    low = max(low, date(1990, 1, 1))
    high = min(max(high, low), date(2200, 1, 1))
    return Period(max(low, high - timedelta(days=MAX_DAYS - 1)), high, zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)

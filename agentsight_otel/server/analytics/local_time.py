"""Quarters of an hour on the clock of a time zone, as whole numbers.

Every time zone of today is a whole number of quarters away from UTC. A local quarter counts from midnight of
1 January 1970 on the zone's own clock, so that day, weekday and hour are divisions.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

QUARTER: Final = timedelta(minutes=15)
_PER_HOUR: Final = 4
_PER_DAY: Final = 96
_EPOCH: Final = date(1970, 1, 1).toordinal()


def local_quarter(zone: ZoneInfo, quarter: int) -> int:
    """Return the local quarter in which a quarter of an hour of UTC, counted since the Unix epoch, begins."""
    hour, place = divmod(quarter, _PER_HOUR)
    ahead = _ahead(zone, hour * _PER_HOUR)
    if place and _ahead(zone, (hour + 1) * _PER_HOUR) != ahead:  # a change of the clock, maybe within
        ahead = _ahead(zone, quarter)
    return quarter + ahead


def local_quarters(zone: ZoneInfo, first: int, count: int) -> Sequence[int]:
    """Return the local quarters of whole hours of UTC: *count* quarters from *first* on."""
    ahead = {_ahead(zone, hour) for hour in range(first, first + count + 1, _PER_HOUR)}
    if len(ahead) > 1:
        return [local_quarter(zone, quarter) for quarter in range(first, first + count)]
    begin = first + ahead.pop()
    return range(begin, begin + count)


@functools.lru_cache(maxsize=10_000)
def _ahead(zone: ZoneInfo, quarter: int) -> int:
    moment = datetime.fromtimestamp(quarter * QUARTER.seconds, UTC).astimezone(zone)
    return (moment.utcoffset() or timedelta()) // QUARTER


def day_of(quarter: int) -> date:
    """Return the day of a local quarter."""
    return _day(quarter // _PER_DAY)


@functools.lru_cache(maxsize=1_000)
def _day(number: int) -> date:
    return date.fromordinal(_EPOCH + number)


def clock_hour_of(quarter: int) -> datetime:
    """Return the hour of the clock of a local quarter: its day and time, without a zone."""
    return datetime.combine(day_of(quarter), time(quarter % _PER_DAY // _PER_HOUR))


def hour_of(quarter: int) -> tuple[int, int]:
    """Return the weekday, Monday is 0, and the hour of a local quarter."""
    return (quarter // _PER_DAY + 3) % 7, quarter % _PER_DAY // _PER_HOUR

"""Time as the server keeps it: integer microseconds since the Unix epoch, ISO 8601 outside."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
LATEST = (datetime(9999, 12, 31, tzinfo=UTC) - EPOCH) // _MICROSECOND


def now_us() -> int:
    """Return the current time."""
    return time.time_ns() // 1000


def parse_time(text: str) -> int:
    """Parse ISO 8601; a time without an offset is UTC.

    Raises:
        ValueError: It is not ISO 8601, or not between 1970 and 9999.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    value = (moment - EPOCH) // _MICROSECOND
    if not 0 <= value <= LATEST:
        raise ValueError("time out of range")
    return value


def iso(value: int | None) -> str | None:
    """Format as ISO 8601 in UTC with microseconds and ``Z``."""
    if value is None:
        return None
    return (EPOCH + timedelta(microseconds=value)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

"""How many requests a key may send, and how much an agent may keep."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

BURST_SECONDS = 10.0
"""A key that was quiet may send this many seconds' worth at once."""
MAX_KEYS = 10_000
"""Keys whose allowance is remembered; those asked about longest ago are forgotten first."""


class RateLimit:
    """An allowance for each key, which fills up steadily: a token bucket.

    Each server process counts for itself.

    Args:
        per_minute: Requests one key may send in a minute, at least 1.
        clock: Returns seconds that never go back.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = per_minute / 60
        self._most = max(1.0, self._rate * BURST_SECONDS)
        self._clock = clock
        self._lock = threading.Lock()
        self._left: OrderedDict[int, tuple[float, float]] = OrderedDict()

    def take(self, key_id: int) -> int | None:
        """Count one request; return whole seconds to wait when it is one too many, else None."""
        now = self._clock()
        with self._lock:
            left, since = self._left.pop(key_id, (self._most, now))
            left = min(self._most, left + (now - since) * self._rate)
            allowed = left >= 1
            self._left[key_id] = (left - allowed, now)
            if len(self._left) > MAX_KEYS:
                self._left.popitem(last=False)
        return None if allowed else max(1, math.ceil((1 - left) / self._rate))


class Limits(NamedTuple):
    """What whoever runs the server allows; None for any number.

    Attributes:
        rate: Requests of each key.
        attachments: Bytes of all attachments of an agent.
    """

    rate: RateLimit | None = None
    attachments: int | None = None

"""A clock on which hours pass in seconds, and only while a test lets them."""

from __future__ import annotations

import random
import threading
import time

from agentsight_otel.exporters.clock import Clock
from agentsight_otel.retry import RetryPolicy

LONGEST = 60.0
"""The longest pause of the default policy, in seconds."""


def seeded(number: int = 1) -> RetryPolicy:
    """Return the default policy with the same jitter each time."""
    return RetryPolicy(rand=random.Random(number).random)  # noqa: S311 -- jitter


class FastClock(Clock):
    """Stands still until `run`; then every wait of the sender is over at once, and counts in full."""

    def __init__(self) -> None:
        self._now = self._until = 1000.0
        self._changed = threading.Condition()

    def now(self) -> float:
        """Return the seconds that have passed here."""
        return self._now

    def wait(self, event: threading.Event, seconds: float) -> None:
        """Let *seconds* pass, or what is left of those the test allows."""
        with self._changed:
            allowed = self._now < self._until
            if allowed and not event.is_set():
                self._now = min(self._now + seconds, self._until)
                self._changed.notify_all()
        if not allowed:
            event.wait(0.005)

    def run(self, seconds: float) -> None:
        """Return when so many seconds have passed."""
        with self._changed:
            self._until += seconds
            assert self._changed.wait_for(lambda: self._now >= self._until, 120), "nobody waits on this clock"
        time.sleep(0.01)  # what was due at the last moment is done now

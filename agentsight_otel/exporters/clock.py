"""Clock: the time by which a sender waits, so that three days can pass in a test."""

from __future__ import annotations

import threading
import time


class Clock:
    """Seconds that only go forward, whatever the wall clock does, and waiting for them."""

    def now(self) -> float:
        """Return the seconds since some moment."""
        return time.monotonic()

    def wait(self, event: threading.Event, seconds: float) -> None:
        """Return when *event* is set or the seconds have passed."""
        event.wait(seconds)


CLOCK = Clock()

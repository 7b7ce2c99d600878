"""Numbers that took long to compute are kept for a few seconds: looking at them again costs nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Any, Final, TypeVar

from agentsight_otel.server.analytics.hours import SHOWN

T = TypeVar("T")

LONG: Final = 0.1
"""Seconds a computation must take for its result to be kept; small databases are always computed afresh."""
MOST: Final = 200
"""Results kept at a time."""


class Recent:
    """Recent results by question. Safe to use from several threads; two may compute the same at once."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[float, Any]] = {}

    def get(self, question: Hashable, compute: Callable[[], T]) -> T:
        """Return the answer kept for a question, or compute it."""
        kept = self._kept.get(question)
        began = time.monotonic()
        if kept is not None and began - kept[0] < SHOWN:
            answer: T = kept[1]
            return answer
        answer = compute()
        now = time.monotonic()
        if now - began > LONG:
            if len(self._kept) >= MOST:
                self._kept.clear()
            self._kept[question] = (now, answer)
        return answer

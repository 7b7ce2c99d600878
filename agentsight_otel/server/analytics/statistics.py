"""The arithmetic of the metrics: order statistics, intervals, changes. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

MIN_PREVIOUS = 5
"""Cases the previous period needs before a change is worth a number."""


class Spread(NamedTuple):
    """Mean and order statistics of a set of values, all None when it is empty."""

    number: int
    mean: float | None
    p50: float | None
    p95: float | None


def nearest_rank(ordered: Sequence[float], share: float) -> float | None:
    """Return the smallest value with at least *share* of all values at or below it; None without values."""
    if not ordered:
        return None
    return ordered[max(0, math.ceil(share * len(ordered) - 1e-9) - 1)]


def spread(values: Sequence[float]) -> Spread:
    """Return count, mean, median and 95th percentile (nearest rank)."""
    ordered = sorted(values)
    if not ordered:
        return Spread(0, None, None, None)
    return Spread(
        len(ordered),
        math.fsum(ordered) / len(ordered),
        nearest_rank(ordered, 0.5),
        nearest_rank(ordered, 0.95),
    )


def rate(part: int, whole: int) -> float | None:
    """Return part / whole; None when there is no whole."""
    return part / whole if whole else None


def change(now: float | None, before: float | None, cases_before: int) -> float | None:
    """Return the relative change; None when the period before had too few cases to compare with."""
    if now is None or not before or cases_before < MIN_PREVIOUS:
        return None
    return now / before - 1


def wilson(successes: int, trials: int) -> tuple[float, float] | None:
    """Return the 95 % Wilson score interval of a share; None without trials."""
    if not trials:
        return None
    z = 1.959963984540054
    share = successes / trials
    scale = 1 + z * z / trials
    middle = (share + z * z / (2 * trials)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


BUCKET_EDGES = (250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000, 300_000)
"""Upper edges of the distribution of response times, milliseconds; the last bucket is open."""


def distribution(values: Sequence[float]) -> list[int]:
    """Return how many values lie in each bucket; an edge belongs to the bucket above it."""
    counts = [0] * (len(BUCKET_EDGES) + 1)
    for value in values:
        counts[next((i for i, edge in enumerate(BUCKET_EDGES) if value < edge), len(BUCKET_EDGES))] += 1
    return counts

"""The arithmetic of the metrics: order statistics, intervals, changes. Pure."""

from __future__ import annotations

import bisect
import itertools
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


def joined_spread(runs: Sequence[Sequence[float]], total: float | None = None) -> Spread:
    """Return count, mean, median and 95th percentile (nearest rank) of ascending sequences together.

    Args:
        runs: The sequences.
        total: Their sum, if it is known.
    """
    number = sum(map(len, runs))
    if not number:
        return Spread(0, None, None, None)
    if total is None:
        total = math.fsum(itertools.chain.from_iterable(runs))
    return Spread(number, total / number, _joined_rank(runs, 0.5), _joined_rank(runs, 0.95))


def _joined_rank(runs: Sequence[Sequence[float]], share: float) -> float | None:
    """The nearest rank over ascending sequences: windows that have it shrink around guesses until it is met.

    Every other guess is what the windows have at the rank's relative place; the others halve the largest
    window, so that it ends soon whatever the values are.
    """
    place = max(0, math.ceil(share * sum(map(len, runs)) - 1e-9) - 1)
    windows = [(run, 0, len(run)) for run in runs if run]
    for turn in itertools.count():
        total = sum(high - low for _, low, high in windows)
        if len(windows) == 1:
            break
        if turn % 2:
            run, low, high = max(windows, key=lambda window: window[2] - window[1])
            pivot = run[(low + high) // 2]
        else:
            guesses = sorted(run[low + (high - low) * place // total] for run, low, high in windows)
            pivot = guesses[len(guesses) // 2]
        cuts = [
            (bisect.bisect_left(r, pivot, a, b), bisect.bisect_right(r, pivot, a, b)) for r, a, b in windows
        ]
        below = sum(cut[0] - window[1] for cut, window in zip(cuts, windows, strict=True))
        upto = sum(cut[1] - window[1] for cut, window in zip(cuts, windows, strict=True))
        if below <= place < upto:
            return pivot
        if place < below:
            halves = [(r, a, cut[0]) for (r, a, _), cut in zip(windows, cuts, strict=True)]
        else:
            place -= upto
            halves = [(r, cut[1], b) for (r, _, b), cut in zip(windows, cuts, strict=True)]
        windows = [window for window in halves if window[1] < window[2]]
    run, low, _ = windows[0]
    return run[low + place]


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


def distribution(runs: Sequence[Sequence[float]]) -> list[int]:
    """Return how many values of ascending sequences lie in each bucket; edges belong to the one above."""
    below = [sum(bisect.bisect_left(run, edge) for run in runs) for edge in BUCKET_EDGES]
    return [high - low for low, high in itertools.pairwise((0, *below, sum(map(len, runs))))]

"""The week as a heat map: seven days by twenty-four hours."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from agentsight_otel.server.dashboard.charts.svg import data_table, element, percent, root
from agentsight_otel.wording import counted

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
LEVELS = 6


def heat_map(identity: str, title: str, unit: str, counts: Sequence[Sequence[int]]) -> Markup:
    """Return the map of *counts*, Monday and hour 0 first; *unit* is what is counted, one of it."""
    peak = max((value for row in counts for value in row), default=0)
    cells = [_cell(day, hour, counts[day][hour], peak, unit) for day in range(7) for hour in range(24)]
    names = [
        element(
            "text", {"class": "ytick", "x": -8, "y": percent((day + 0.5) / 7), "dy": ".32em"}, DAYS[day][:3]
        )
        for day in range(7)
    ]
    hours = [
        element(
            "text",
            {
                "class": "xtick minor" if hour % 6 else "xtick",
                "x": percent((hour + 0.5) / 24),
                "y": "100%",
                "dy": "1.6em",
            },
            f"{hour:02d}",
        )
        for hour in range(0, 24, 3)
    ]
    drawing = root({"class": "plot heat"}, identity, title, _said(counts, peak, unit), *names, *cells, *hours)
    rows = ([DAYS[day], *(str(value) for value in counts[day])] for day in range(7))
    table = data_table(title, ["Day", *(f"{hour:02d}" for hour in range(24))], rows)
    return element("figure", {"class": "chart"}, drawing, _scale(peak), table)


def _cell(day: int, hour: int, value: int, peak: int, unit: str) -> Markup:
    level = 0 if not value else min(LEVELS, 1 + int((value - 1) / peak * LEVELS))
    title = f"{DAYS[day]} {hour:02d}:00–{(hour + 1) % 24:02d}:00: {counted(value, unit)}"
    return element(
        "rect",
        {
            "class": f"hit cell l{level}",
            "x": percent((hour + 0.04) / 24),
            "width": percent(0.92 / 24),
            "y": percent((day + 0.06) / 7),
            "height": percent(0.88 / 7),
            "rx": 3,
        },
        element("title", None, title),
    )


def _scale(peak: int) -> Markup:
    swatches = [
        element("rect", {"class": f"cell l{level}", "x": level * 16, "width": 14, "height": 10, "rx": 2})
        for level in range(LEVELS + 1)
    ]
    key = element("svg", {"class": "swatches", "width": 112, "height": 10, "aria-hidden": "true"}, *swatches)
    return element("p", {"class": "scale"}, "0", key, f"{peak:,}")


def _said(counts: Sequence[Sequence[int]], peak: int, unit: str) -> str:
    if not peak:
        return f"No {unit}s in this period."
    day, hour = next((d, h) for d in range(7) for h in range(24) if counts[d][h] == peak)
    return f"The busiest hour is {DAYS[day]} from {hour:02d}:00 with {counted(peak, unit)}."

"""Bars and lines over one x axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from agentsight_otel.server.dashboard.charts.model import LABELS, Chart, Slot, ticks
from agentsight_otel.server.dashboard.charts.svg import data_table, decimal, element, join, percent, root

CROWDED: Final = 120
"""Slots above which bars would be thinner than two points."""
FILLED: Final = 0.74
"""Share of a slot that its bars take."""
WIDEST: Final = 0.16
"""Share of the drawing that the bars of a slot take at most."""


def bars(chart: Chart, *, whole: bool = True, stacked: bool = False) -> Markup:
    """Return bars, the series of a slot side by side or, being parts of one thing, on top of each other.

    With very many slots, bars side by side become lines, and those on top of each other have no gaps.
    """
    if len(chart.slots) > CROWDED and not stacked:
        return lines(chart, whole=whole)
    scale = ticks(chart.tallest if stacked else chart.maximum, whole=whole)
    draw = _stack if stacked else _bar_slot
    return _figure(chart, scale, join(draw(chart, i, scale[-1]) for i in range(len(chart.slots))))


def lines(chart: Chart, *, whole: bool = False) -> Markup:
    """Return one line per series; a slot without a value interrupts its line."""
    scale = ticks(chart.maximum, whole=whole)
    drawn = join(_line(chart, place, scale[-1]) for place in range(len(chart.series)))
    dots = join(_lone_dots(chart, place, scale[-1]) for place in range(len(chart.series)))
    hits = join(_hit(chart, place) for place in range(len(chart.slots)))
    return _figure(chart, scale, join([drawn, dots, hits]))


def _figure(chart: Chart, scale: list[float], marks: Markup) -> Markup:
    drawing = root(
        {"class": "plot"},
        chart.identity,
        chart.title,
        chart.desc,
        _grid(chart, scale),
        marks,
        _labels(chart.slots),
    )
    headers = [chart.axis, *(series.name for series in chart.series)]
    rows = ([slot.title, *_shown(chart, slot)] for slot in chart.slots)
    return element(
        "figure",
        {"class": "chart"},
        _legend(chart),
        drawing,
        data_table(chart.title, headers, rows, [slot.href for slot in chart.slots]),
    )


def _legend(chart: Chart) -> Markup:
    if len(chart.series) < 2:
        return Markup("")
    items = (
        element("li", None, element("span", {"class": f"key {series.tone}"}), series.name)
        for series in chart.series
    )
    return element("ul", {"class": "legend", "aria-hidden": "true"}, *items)


def _grid(chart: Chart, scale: list[float]) -> Markup:
    show = chart.series[0].show
    parts = []
    for value in scale:
        y = percent(1 - value / scale[-1])
        parts.append(
            element("line", {"class": "grid" if value else "base", "x1": 0, "x2": "100%", "y1": y, "y2": y})
        )
        parts.append(element("text", {"class": "ytick", "x": -8, "y": y, "dy": ".32em"}, show(value)))
    return element("g", {"aria-hidden": "true"}, *parts)


def _labels(slots: Sequence[Slot]) -> Markup:
    rows = list(slots)
    step = max(1, -(-len(rows) // LABELS))
    parts = [
        element(
            "text",
            {
                "class": "xtick minor" if (place // step) % 2 else "xtick",
                "x": percent((place + 0.5) / len(rows)),
                "y": "100%",
                "dy": "1.6em",
            },
            slot.label,
        )
        for place, slot in enumerate(rows)
        if place % step == 0
    ]
    return element("g", {"aria-hidden": "true"}, *parts)


def _room(chart: Chart, place: int) -> tuple[float, float]:
    """Return where the bars of a slot begin and how wide they are together, as shares of the drawing."""
    slot = 1 / len(chart.slots)
    width = min(slot * FILLED, WIDEST) if len(chart.slots) <= CROWDED else slot
    return (place + 0.5) * slot - width / 2, width


def _bar_slot(chart: Chart, place: int, top: float) -> Markup:
    slot = chart.slots[place]
    left, width = _room(chart, place)
    bar = width / len(chart.series)
    parts = []
    for index, (series, value) in enumerate(zip(chart.series, slot.values, strict=True)):
        if not value:
            continue
        height = value / top
        parts.append(
            element(
                "rect",
                {
                    "class": f"mark {series.tone}{' partial' if slot.partial else ''}",
                    "x": percent(left + index * bar),
                    "width": percent(bar * 0.94),
                    "y": percent(1 - height),
                    "height": percent(height),
                    "rx": 2,
                },
            )
        )
    parts.append(_hit(chart, place))
    return join(parts)


def _stack(chart: Chart, place: int, top: float) -> Markup:
    slot = chart.slots[place]
    left, width = _room(chart, place)
    parts = []
    below = 0.0
    for series, value in zip(chart.series, slot.values, strict=True):
        if not value:
            continue
        below += value
        parts.append(
            element(
                "rect",
                {
                    "class": f"mark {series.tone}{' partial' if slot.partial else ''}",
                    "x": percent(left),
                    "width": percent(width),
                    "y": percent(1 - below / top),
                    "height": percent(value / top),
                },
            )
        )
    return join([*parts, _hit(chart, place)])


def _hit(chart: Chart, place: int) -> Markup:
    slot = chart.slots[place]
    said = ", ".join(
        f"{series.name} {text}" for series, text in zip(chart.series, _shown(chart, slot), strict=True)
    )
    return element(
        "rect",
        {
            "class": "hit",
            "x": percent(place / len(chart.slots)),
            "width": percent(1 / len(chart.slots)),
            "y": 0,
            "height": "100%",
            "data-href": slot.href,
        },
        element("title", None, f"{slot.title}: {said}"),
    )


def _shown(chart: Chart, slot: Slot) -> list[str]:
    return [
        "–" if value is None else series.show(value)
        for series, value in zip(chart.series, slot.values, strict=True)
    ]


def _runs(chart: Chart, index: int) -> list[list[tuple[int, float]]]:
    """Unbroken runs of values of one series."""
    runs: list[list[tuple[int, float]]] = [[]]
    for place, slot in enumerate(chart.slots):
        value = slot.values[index]
        if value is None:
            runs.append([])
        else:
            runs[-1].append((place, value))
    return [run for run in runs if run]


def _line(chart: Chart, index: int, top: float) -> Markup:
    paths = []
    for run in _runs(chart, index):
        points = " ".join(
            f"{decimal((place + 0.5) * 10)},{decimal(100 - value / top * 100)}" for place, value in run
        )
        if len(run) > 1:
            paths.append(element("polyline", {"points": points}))
    return element(
        "svg",
        {
            "class": f"line {chart.series[index].tone}",
            "viewBox": f"0 0 {len(chart.slots) * 10} 100",
            "preserveAspectRatio": "none",
            "width": "100%",
            "height": "100%",
        },
        *paths,
    )


def _lone_dots(chart: Chart, index: int, top: float) -> Markup:
    """A run of one value has no line: it gets a dot."""
    return join(
        element(
            "circle",
            {
                "class": f"mark {chart.series[index].tone}",
                "cx": percent((run[0][0] + 0.5) / len(chart.slots)),
                "cy": percent(1 - run[0][1] / top),
                "r": 3,
            },
        )
        for run in _runs(chart, index)
        if len(run) == 1
    )

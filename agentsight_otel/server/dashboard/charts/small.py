"""The small drawings: sparkline, meter, split bar, interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from agentsight_otel.server.dashboard import present
from agentsight_otel.server.dashboard.charts.svg import decimal, element, join, percent, root


@dataclass(frozen=True, slots=True)
class Part:
    """A share of a whole: its name, its count and the CSS class that colours it."""

    name: str
    value: int
    tone: str


def spark(values: Sequence[float]) -> Markup:
    """Return a sparkline, decoration beside a number that says the same."""
    if len(values) < 2:
        return Markup("")
    top = max(values) or 1.0
    points = " ".join(f"{place * 10},{decimal(28 - value / top * 26)}" for place, value in enumerate(values))
    last = (len(values) - 1) * 10
    return element(
        "svg",
        {
            "class": "spark",
            "viewBox": f"0 0 {last} 30",
            "preserveAspectRatio": "none",
            "aria-hidden": "true",
        },
        element("polygon", {"points": f"0,30 {points} {last},30"}),
        element("polyline", {"points": points}),
    )


def meter(value: float, maximum: float, tone: str = "c1") -> Markup:
    """Return a bar of *value* against *maximum*, decoration beside the number."""
    share = min(1.0, value / maximum) if maximum > 0 else 0.0
    return element(
        "svg",
        {"class": "meter", "aria-hidden": "true"},
        element("rect", {"class": "track", "width": "100%", "height": "100%", "rx": 3}),
        element("rect", {"class": f"mark {tone}", "width": percent(share), "height": "100%", "rx": 3}),
    )


def interval(start: float, end: float, tone: str) -> Markup:
    """Return a bar from *start* to *end*, fractions of the whole width: a row of a waterfall."""
    width = max(end - start, 0.002)
    return element(
        "svg",
        {"class": "interval", "aria-hidden": "true"},
        element(
            "rect",
            {
                "class": f"mark {tone}",
                "x": percent(min(start, 0.998)),
                "width": percent(width),
                "height": "100%",
                "rx": 2,
            },
        ),
    )


def split(identity: str, title: str, parts: Sequence[Part]) -> Markup:
    """Return one bar split by the parts' shares, with a legend that gives the numbers."""
    total = sum(part.value for part in parts)
    left = 0.0
    pieces = []
    for part in parts:
        if not part.value:
            continue
        share = part.value / total
        said = f"{part.name}: {part.value:,} ({present.percent(share)})"
        pieces.append(
            element(
                "rect",
                {
                    "class": f"hit mark {part.tone}",
                    "x": percent(left),
                    "width": percent(share),
                    "height": "100%",
                },
                element("title", None, said),
            )
        )
        left += share
    said = ", ".join(f"{part.name} {part.value:,}" for part in parts)
    drawing = root({"class": "split"}, identity, title, said, *pieces)
    return element("figure", {"class": "chart splitbar"}, drawing, _legend(parts, total))


def _legend(parts: Sequence[Part], total: int) -> Markup:
    items = join(
        element(
            "li",
            None,
            element("span", {"class": f"key {part.tone}"}),
            element("span", None, part.name),
            element("b", {"class": "num"}, f"{part.value:,}"),
            element("span", {"class": "dim num"}, present.percent(part.value / total if total else None)),
        )
        for part in parts
    )
    return element("ul", {"class": "legend wide"}, items)

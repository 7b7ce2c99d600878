"""What a chart is made from, and the ticks of its axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

LABELS = 12
"""Labels that fit under a chart of full width; half of them stay on a narrow screen."""


@dataclass(frozen=True, slots=True)
class Series:
    """One row of values.

    Attributes:
        name: As the legend names it.
        tone: CSS class that colours it, ``c1`` to ``c6``, ``good``, ``bad`` or ``calm``.
        show: Turns a value into text.
    """

    name: str
    tone: str
    show: Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Slot:
    """One place on the x axis with a value per series; None is "no value", not zero.

    Attributes:
        label: Short text under the axis.
        title: Full text, for the tooltip and the table.
        values: One per series.
        partial: Not over yet, drawn paler.
        href: Where a click leads, and the row of the table.
    """

    label: str
    title: str
    values: tuple[float | None, ...]
    partial: bool = False
    href: str | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart over one x axis.

    Attributes:
        identity: Unique within the page.
        title: Its name.
        desc: One sentence for people who cannot see it.
        axis: Name of the x axis, the first column of the table.
        series: At least one.
        slots: From left to right.
    """

    identity: str
    title: str
    desc: str
    axis: str
    series: Sequence[Series]
    slots: Sequence[Slot]

    @property
    def maximum(self) -> float:
        """The largest value, at least 0."""
        return max((v for slot in self.slots for v in slot.values if v is not None), default=0.0)

    @property
    def tallest(self) -> float:
        """The largest sum of a slot's values, at least 0."""
        return max((sum(v for v in slot.values if v is not None) for slot in self.slots), default=0.0)


def ticks(maximum: float, *, wanted: int = 4, whole: bool = True) -> list[float]:
    """Return round numbers from 0 to at least *maximum*, evenly spaced.

    Args:
        maximum: Largest value to show, 0 or more.
        wanted: About how many steps.
        whole: Only whole numbers, for counts.
    """
    if maximum <= 1e-9:
        return [0.0, 1.0]
    rough = maximum / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * base for base in (1, 2, 2.5, 5, 10) if power * base >= rough * 0.999999)
    if whole:
        step = max(1.0, math.ceil(step - 1e-9))
    return [step * place for place in range(math.ceil(maximum / step - 1e-9) + 1)]

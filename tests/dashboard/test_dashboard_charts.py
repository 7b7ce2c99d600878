"""The charts: well-formed, labelled, with the numbers behind them, and nothing a policy would refuse."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from agentsight_otel.server.dashboard import charts
from agentsight_otel.server.dashboard.charts.model import ticks

HOSTILE = "<script>alert(1)</script>\"' & \u202e"

values = st.one_of(st.none(), st.floats(0, 1e9, allow_nan=False))
slots = st.lists(st.tuples(values, values), max_size=40)


def chart(rows: list[tuple[float | None, float | None]], text: str = "day") -> charts.Chart:
    """A chart of two series."""
    series = [charts.Series(text, "c1", lambda v: f"{v:.1f}"), charts.Series("b", "c2", lambda v: f"{v:.1f}")]
    drawn = [charts.Slot(text, f"{text} {place}", row) for place, row in enumerate(rows)]
    return charts.Chart("id", text, text, text, series, drawn)


def parsed(markup: str) -> ET.Element:
    """Parse as XML, which is stricter than HTML."""
    return ET.fromstring(f"<root>{markup}</root>")  # noqa: S314 - made by the code under test


@given(slots)
def test_charts_are_well_formed_and_inside_their_frame(rows: list[tuple[float | None, float | None]]) -> None:
    """Any values, none and zero included, give XML whose bars stay within 0 and 100 percent."""
    for drawing in (charts.bars(chart(rows)), charts.lines(chart(rows))):
        root = parsed(drawing)
        for mark in root.iter("rect"):
            for name in ("x", "width", "y", "height"):
                assert -0.01 <= float(mark.get(name, "0").rstrip("%")) <= 100.01
        assert len(root.findall(".//tbody/tr")) == len(rows)


def test_a_year_of_days_can_be_seen() -> None:
    """Bars that would be too thin are lines; parts of a whole then touch; the table has every day."""
    rows: list[tuple[float | None, float | None]] = [(1, 2)] * 365
    beside, above = charts.bars(chart(rows)), charts.bars(chart(rows), stacked=True)
    assert beside == charts.lines(chart(rows), whole=True)
    assert len(parsed(beside).findall(".//polyline")) == 2
    drawn = [mark for mark in parsed(above).iter("rect") if (mark.get("class") or "").startswith("mark")]
    assert {round(float(mark.get("width", "").rstrip("%")), 2) for mark in drawn} == {round(100 / 365, 2)}
    for drawing in (beside, above):
        assert len(parsed(drawing).findall(".//tbody/tr")) == 365


def test_the_bars_of_one_day_are_no_walls() -> None:
    """However few the slots, their bars stay slim, and in the middle of their place."""
    for stacked in (False, True):
        marks = [
            (float(mark.get("x", "").rstrip("%")), float(mark.get("width", "").rstrip("%")))
            for mark in parsed(charts.bars(chart([(1, 2)]), stacked=stacked)).iter("rect")
            if (mark.get("class") or "").startswith("mark")
        ]
        left, right = min(x for x, _ in marks), max(x + width for x, width in marks)
        assert right - left <= 20
        assert abs(left + right - 100) < 2


def test_charts_say_what_they_show() -> None:
    """A drawing has a role, a title and a description, and its table has every number."""
    root = parsed(charts.bars(chart([(1.0, 2.0), (3.0, None)])))
    svg = root.find(".//svg")
    assert svg is not None
    assert svg.get("role") == "img"
    assert [svg.find(name) is not None for name in ("title", "desc")] == [True, True]
    assert [cell.text for cell in root.findall(".//td")] == ["1.0", "2.0", "3.0", "–"]


def test_hostile_names_stay_text() -> None:
    """Markup in a name is shown, not obeyed; there is no style attribute and no script anywhere."""
    drawings = [
        charts.bars(chart([(1, 2)], HOSTILE)),
        charts.lines(chart([(1, 2)], HOSTILE)),
        charts.heat_map("h", HOSTILE, HOSTILE, [[1] * 24] * 7),
        charts.split("s", HOSTILE, [charts.Part(HOSTILE, 1, "good")]),
        charts.meter(1, 2),
        charts.spark([1, 2]),
        charts.interval(0.1, 0.2, "c1"),
    ]
    for drawing in drawings:
        root = parsed(drawing)
        assert not list(root.iter("script"))
        assert not re.search(r"\sstyle=|\son\w+=", re.sub(r">[^<]*<", "><", drawing))


@given(st.floats(0, 1e12, allow_nan=False), st.booleans())
def test_ticks_cover_the_maximum_evenly(maximum: float, whole: bool) -> None:
    """Ticks start at 0, reach the maximum, are not many, and are whole where counts are."""
    found = ticks(maximum, whole=whole)
    assert found[0] == 0
    assert found[-1] >= maximum * 0.999999
    assert 2 <= len(found) <= 8
    assert not whole or all(value == int(value) for value in found)


def test_heat_map_names_the_busiest_hour() -> None:
    """The description says where the maximum is."""
    counts = [[0] * 24 for _ in range(7)]
    counts[2][14] = 9
    assert "Wednesday from 14:00 with 9 messages" in charts.heat_map("h", "Peak", "message", counts)


def test_split_shares_add_up() -> None:
    """The pieces lie side by side and fill the bar."""
    root = parsed(
        charts.split(
            "s", "t", [charts.Part("a", 1, "good"), charts.Part("b", 0, "calm"), charts.Part("c", 2, "bad")]
        )
    )
    pieces = [
        (float(r.get("x", "").rstrip("%")), float(r.get("width", "").rstrip("%"))) for r in root.iter("rect")
    ]
    assert pieces == [(0.0, 33.333), (33.333, 66.667)]

"""Numbers, times and texts as people read them."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from agentsight_otel.server.analytics.spending import E8

NONE = "–"
_SECOND = 1_000_000


def number(value: float | None) -> str:
    """``12,480``; a fraction keeps one decimal."""
    if value is None:
        return NONE
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:,.1f}"


def compact(value: float | None) -> str:
    """``12.5k``, ``3.1M``: for axes and small places."""
    if value is None:
        return NONE
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.1f}".rstrip("0").rstrip(".") + unit
    return number(value)


def percent(value: float | None) -> str:
    """``12.4%``."""
    return NONE if value is None else f"{value:.1%}".replace(".0%", "%")


def change(value: float | None) -> str:
    """``+12%``, ``−3.4%``, ``×14``."""
    if value is None:
        return ""
    if value >= 9.995:
        return f"×{value + 1:,.0f}"
    if abs(value) < 0.0005:
        return "±0%"
    shown = f"{abs(value):.0%}" if abs(value) >= 0.095 else f"{abs(value):.1%}"
    return ("−" if value < 0 else "+") + shown


def duration(milliseconds: float | None) -> str:
    """``820 ms``, ``1.4 s``, ``2 m 05 s``, ``55 m``, ``1 h 12 m``, ``3 d 4 h``."""
    if milliseconds is None:
        return NONE
    if milliseconds < 10:
        return f"{milliseconds:.1f}".removesuffix(".0") + " ms"
    if milliseconds < 999.5:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 59.95:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    minutes, seconds = divmod(round(seconds), 60)
    if minutes < 10:
        return f"{minutes} m {seconds:02d} s"
    minutes = round(milliseconds / 60_000)
    if minutes < 60:
        return f"{minutes} m"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} m"
    return f"{hours // 24} d {hours % 24} h"


def axis_duration(milliseconds: float) -> str:
    """A duration on an axis: ``0``, ``500 ms``, ``2 s``, ``5 m``."""
    if not milliseconds:
        return "0"
    if milliseconds >= 3_600_000:
        return f"{milliseconds / 3_600_000:g} h"
    if milliseconds >= 60_000:
        return f"{round(milliseconds / 60_000, 1):g} m"
    return f"{milliseconds / 1000:g} s" if milliseconds >= 1000 else f"{milliseconds:g} ms"


def money(cost_e8: int | None) -> str:
    """US dollars; small amounts with four decimals, unknown is a dash."""
    if cost_e8 is None:
        return NONE
    dollars = cost_e8 / E8
    if not cost_e8:
        return "$0"
    if dollars < 0.0001:
        return "<$0.0001"
    return f"${dollars:,.4f}" if dollars < 0.1 else f"${dollars:,.2f}"


def axis_money(dollars: float) -> str:
    """US dollars on an axis: ``$0.05``, ``$0.0025``, ``$2.00``."""
    text = money(round(dollars * E8))
    return text[:-2] if re.search(r"\.\d\d00$", text) else text


def moment(value: int, zone: ZoneInfo) -> datetime:
    """Return microseconds since the Unix epoch on the clock of *zone*."""
    whole, rest = divmod(value, _SECOND)
    return datetime.fromtimestamp(whole, UTC).replace(microsecond=rest).astimezone(zone)


def ago(value: int, now: int) -> str:
    """``just now``, ``5 min ago``, ``3 h ago``, ``2 days ago``, ``in 3 h``."""
    seconds = abs(now - value) // _SECOND
    if seconds < 45:
        return "just now"
    for size, unit in (
        (86_400 * 365, "year"),
        (86_400 * 30, "month"),
        (86_400, "day"),
        (3600, "h"),
        (60, "min"),
    ):
        if seconds >= size or unit == "min":
            count = max(1, seconds // size)
            plural = "s" if count > 1 and unit in {"year", "month", "day"} else ""
            text = f"{count} {unit}{plural}"
            return f"in {text}" if value > now else f"{text} ago"
    raise AssertionError


def day(value: date) -> str:
    """``Mon 3 Nov 2026``."""
    return f"{value:%a} {value.day} {value:%b %Y}"


def short_day(value: date) -> str:
    """``3 Nov``."""
    return f"{value.day} {value:%b}"


def days(first: date, last: date, today: date) -> str:
    """``25 Oct – 23 Nov``, one day alone; with the years when they are not all this one."""
    this_year = first.year == last.year == today.year
    ends = (first,) if first == last else (first, last)
    return " – ".join(short_day(value) + ("" if this_year else f" {value.year}") for value in ends)


def size(count: int) -> str:
    """``820 B``, ``1.4 MB``."""
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def visible(text: str) -> str:
    """Return an id with its invisible and direction-changing characters spelled out."""
    return "".join(
        f"\\u{ord(char):04x}" if unicodedata.category(char) in {"Cf", "Cc", "Co", "Zl", "Zp"} else char
        for char in text
    )

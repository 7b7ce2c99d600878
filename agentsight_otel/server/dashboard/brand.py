"""White label: how an agent looks to its readers, with colours that stay readable in light and dark."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from sqlalchemy import Connection, delete, insert, select

from agentsight_otel.server.analytics.scope import ESCALATION_ACTIONS
from agentsight_otel.server.dashboard.tables import brands

ACCENT: Final = "#3b4fd8"
LOGO_TYPES: Final = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
MAX_LOGO_BYTES: Final = 256 * 1024
CONTRAST: Final = 4.5
"""What WCAG AA asks of text."""
MARGIN: Final = 0.4
"""Accent text also stands on a faint tint of the accent."""
_LIGHT: Final = (255, 255, 255)
_DARK: Final = (26, 28, 32)
_HEX: Final = re.compile(r"#[0-9a-f]{6}")

Colour = tuple[int, int, int]


class Brand(NamedTuple):
    """An agent's brand; empty texts mean the product's own look."""

    name: str = ""
    accent: str = ""
    footer: str = ""
    logo: bytes | None = None
    logo_type: str = ""
    escalation: tuple[str, ...] = ESCALATION_ACTIONS


def load_brand(connection: Connection, agent: int) -> Brand:
    """Return an agent's brand, or the product's own."""
    b = brands.c
    row = connection.execute(
        select(b.name, b.accent, b.footer, b.logo, b.logo_type, b.escalation).where(b.agent_id == agent)
    ).one_or_none()
    if row is None:
        return Brand()
    escalation = tuple(row.escalation or ESCALATION_ACTIONS)
    return Brand(row.name, row.accent, row.footer, row.logo, row.logo_type, escalation)


def save_brand(connection: Connection, agent: int, brand: Brand) -> None:
    """Replace an agent's brand.

    Raises:
        ValueError: The colour is not ``#rrggbb``, or the logo is too large or not a PNG, JPEG, GIF or WebP.
    """
    if brand.accent and not _HEX.fullmatch(brand.accent):
        raise ValueError("The colour must look like #3b4fd8.")
    values = brand._asdict()
    values["logo_type"] = logo_type(brand.logo) if brand.logo else ""
    values["escalation"] = list(brand.escalation)
    connection.execute(delete(brands).where(brands.c.agent_id == agent))
    connection.execute(insert(brands).values(agent_id=agent, **values))


def logo_type(data: bytes) -> str:
    """Return the MIME type the bytes themselves show.

    Raises:
        ValueError: They are too many, or no PNG, JPEG, GIF or WebP.
    """
    if len(data) > MAX_LOGO_BYTES:
        raise ValueError("The logo may have at most 256 kB.")
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    for magic, mime_type in LOGO_TYPES.items():
        if data.startswith(magic):
            return mime_type
    raise ValueError("The logo must be a PNG, JPEG, GIF or WebP picture.")


def brand_css(accent: str) -> str:
    """Return the style sheet that sets the accent, moved as far as needed to be readable on either ground."""
    colour = _parse(accent or ACCENT)
    light = readable(colour, _LIGHT, towards=(0, 0, 0))
    dark = readable(colour, _DARK, towards=(255, 255, 255))
    return f":root {{ --accent-light: {_hex(light)}; --accent-dark: {_hex(dark)}; }}\n"


def readable(colour: Colour, ground: Colour, *, towards: Colour) -> Colour:
    """Return *colour*, mixed with *towards* in steps of 4 % until text in it is readable on *ground*."""
    for step in range(26):
        share = step / 25
        red, green, blue = (round(a + (b - a) * share) for a, b in zip(colour, towards, strict=True))
        if contrast((red, green, blue), ground) >= CONTRAST + MARGIN:
            return red, green, blue
    return towards


def contrast(one: Colour, other: Colour) -> float:
    """Return the WCAG contrast ratio of two colours, 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: Colour) -> float:
    parts = [value / 255 for value in colour]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _parse(text: str) -> Colour:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def _hex(colour: Colour) -> str:
    return "#" + "".join(f"{value:02x}" for value in colour)

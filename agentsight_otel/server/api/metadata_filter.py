"""The ``metadata`` filters: ``key:value[,key:value]``, or one key and value for what that cannot spell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from agentsight_otel.server.api.http import bad_field
from agentsight_otel.server.store.dialect import MAX_ID
from agentsight_otel.server.store.filters import PathValue

MAX_CONDITIONS = 20


def metadata_filter(query: Mapping[str, str]) -> list[PathValue]:
    """Return the conditions a query puts on metadata; all must hold.

    Raises:
        ApiError: 400, a pair has no colon or no key, or there are too many.
    """
    found: list[PathValue] = []
    for pair in filter(None, (part.strip() for part in query.get("metadata", "").split(","))):
        name, colon, value = pair.partition(":")
        if not colon or not name.strip():
            raise bad_field("metadata", "Expected key:value pairs separated by commas.")
        found.append((_path(name), typed(value.strip())))
    if key := query.get("metadata_key"):
        found.append((_path(key), typed(query.get("metadata_value", ""))))
    if len(found) > MAX_CONDITIONS:
        raise bad_field("metadata", f"At most {MAX_CONDITIONS} conditions.")
    return found


def _path(name: str) -> tuple[str, ...]:
    return tuple(name.strip().split("."))


def typed(text: str) -> Any:
    """Return a value as it looks: ``1`` a number, ``true`` a boolean, ``null`` null, the rest text."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return text
    if isinstance(value, dict | list):
        return text
    if isinstance(value, int) and abs(value) > MAX_ID:
        return float(value)
    return value

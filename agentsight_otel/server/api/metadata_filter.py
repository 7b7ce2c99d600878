"""The ``metadata`` filters: ``key:value[,key:value]``, or one key and value for what that cannot spell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from agentsight_otel.server.api.http import bad_field
from agentsight_otel.server.store.dialect import MAX_ID
from agentsight_otel.server.store.filters import PathValue

MAX_CONDITIONS = 20
MAX_DEPTH = 50


def metadata_filter(query: Mapping[str, str]) -> list[PathValue]:
    """Return the conditions a query puts on metadata; all must hold.

    Raises:
        ApiError: 400, a pair has no colon or no key, there are too many, or one is too deep.
    """
    found: list[PathValue] = []
    for pair in filter(None, (part.strip() for part in query.get("metadata", "").split(","))):
        name, colon, value = pair.partition(":")
        if not colon or not name.strip():
            raise bad_field("metadata", "Expected key:value pairs separated by commas.")
        found.append((_path("metadata", name), typed(value.strip())))
    if key := query.get("metadata_key"):
        found.append((_path("metadata_key", key), typed(query.get("metadata_value", ""))))
    if len(found) > MAX_CONDITIONS:
        raise bad_field("metadata", f"At most {MAX_CONDITIONS} conditions.")
    return found


def _path(field: str, name: str) -> tuple[str, ...]:
    parts = tuple(name.strip().replace("\0", "\ufffd").split("."))  # as documents are stored
    if len(parts) > MAX_DEPTH:
        raise bad_field(field, f"At most {MAX_DEPTH} levels.")
    return parts


def typed(text: str) -> Any:
    """Return a value as it looks: ``1`` a number, ``true`` a boolean, ``null`` null, the rest text."""
    text = text.replace("\0", "\ufffd")  # as documents are stored
    try:
        value = msgspec.json.decode(text)
        if isinstance(value, int) and abs(value) > MAX_ID:
            return float(value)
    except (msgspec.DecodeError, ValueError, RecursionError, OverflowError):
        return text
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    return text if isinstance(value, dict | list) else value

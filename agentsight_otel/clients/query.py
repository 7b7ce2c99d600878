"""Filters as Python values become query parameters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import Enum
from typing import Any

from agentsight_otel.clients.checks import FEEDBACK_SOURCES, checked_choice, checked_sentiment
from agentsight_otel.exceptions import InvalidConversationDataException

Params = list[tuple[str, str]]


def encode_query(filters: Mapping[str, Any]) -> Params:
    """Turn filters into query parameters.

    None is left out, booleans become ``true`` and ``false``, dates ISO 8601, a list repeats its name.

    Raises:
        InvalidConversationDataException: A filter of another type.
    """
    return [
        (name, _text(name, item))
        for name, value in filters.items()
        if value is not None
        for item in (value if isinstance(value, list | tuple | set | frozenset) else (value,))
    ]


def conversation_query(filters: Mapping[str, Any]) -> Params:
    """Like `encode_query`, for the conversation list: choices are checked, metadata may be a dict.

    Raises:
        InvalidChoiceException: An unknown ``feedback_sentiment`` or ``feedback_source``.
        InvalidConversationDataException: A filter of a type that cannot be sent.
    """
    prepared = dict(filters)
    if prepared.get("feedback_sentiment") is not None:
        prepared["feedback_sentiment"] = checked_sentiment(
            prepared["feedback_sentiment"], "feedback_sentiment"
        )
    if prepared.get("feedback_source") is not None:
        prepared["feedback_source"] = checked_choice(
            prepared["feedback_source"], "feedback_source", FEEDBACK_SOURCES
        )
    if isinstance(prepared.get("metadata"), Mapping):
        prepared.update(_metadata_filter(prepared.pop("metadata")))
    return encode_query(prepared)


def _metadata_filter(metadata: Mapping[str, Any]) -> dict[str, str]:
    pairs = {
        str(key): "null" if value is None else _text("metadata", value) for key, value in metadata.items()
    }
    if not any(mark in part for pair in pairs.items() for part in pair for mark in ",:"):
        return {"metadata": ",".join(f"{key}:{value}" for key, value in pairs.items())} if pairs else {}
    if len(pairs) > 1:
        limit = "several pairs only without ',' and ':' in them"
        raise InvalidConversationDataException(f"metadata filter: {limit}", field="metadata", limit=limit)
    ((key, value),) = pairs.items()
    return {"metadata_key": key, "metadata_value": value}


def _text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str | int | float):
        return str(value)
    limit = "a text, number, bool or date, or a list of these"
    raise InvalidConversationDataException(f"filter {name} must be {limit}", field=name, limit=limit)

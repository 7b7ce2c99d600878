"""What the clients refuse before any request: each check names the field and its limit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from agentsight_otel.enums import Sentiment
from agentsight_otel.exceptions import (
    InvalidChoiceException,
    InvalidConversationDataException,
    MissingConversationIdException,
)

MAX_NAME_LENGTH = 255
MAX_COMMENT_LENGTH = 5000
MAX_SLUG_LENGTH = 50

FEEDBACK_SOURCES = ("customer", "platform")

_TRACE_ID = re.compile("[0-9a-f]{32}", re.IGNORECASE)


def checked_ref(value: object, field: str = "conversation_id") -> int | str:
    """Return a conversation's string id or integer key; anything else is refused."""
    limit = "a non-blank text or the integer id of a conversation"
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise MissingConversationIdException(f"{field} must be {limit}", field=field, limit=limit)
    if (isinstance(value, str) and not value.strip()) or (isinstance(value, int) and value <= 0):
        raise MissingConversationIdException(field=field, limit=limit)
    return value


def checked_key(value: object, field: str) -> int:
    """Return the integer key of a message, feedback, ticket, action or span row."""
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        limit = "a positive integer"
        raise InvalidConversationDataException(f"{field} must be {limit}", field=field, limit=limit)
    return value


def checked_trace_id(value: object) -> str:
    """Return a trace id as 32 lowercase hexadecimal digits."""
    if not isinstance(value, str) or not _TRACE_ID.fullmatch(value):
        limit = "32 hexadecimal digits"
        raise InvalidConversationDataException(f"trace_id must be {limit}", field="trace_id", limit=limit)
    return value.lower()


def checked_text(value: object, field: str, max_length: int = MAX_NAME_LENGTH) -> str:
    """Return the trimmed text; missing, blank or too long is refused."""
    limit = f"1 to {max_length} characters"
    if not isinstance(value, str) or not value.strip():
        raise InvalidConversationDataException(f"{field} cannot be empty", field=field, limit=limit)
    return _within(value.strip(), field, max_length)


def checked_comment(value: object, field: str = "comment") -> str | None:
    """Return the comment as given, or None; too long or not a text is refused."""
    return None if value is None else _within(value, field, MAX_COMMENT_LENGTH)


def checked_slug(value: object, field: str) -> str | None:
    """Return a short label such as a feedback's topic, or None."""
    return None if value is None else _within(value, field, MAX_SLUG_LENGTH)


def checked_sentiment(value: object, field: str = "sentiment") -> str:
    """Return ``positive``, ``neutral`` or ``negative``."""
    return checked_choice(value, field, tuple(Sentiment))


def checked_choice(value: object, field: str, choices: tuple[str, ...]) -> str:
    """Return *value* as text if it is one of *choices*."""
    if value not in choices:
        limit = ", ".join(choices)
        raise InvalidChoiceException(f"{field} must be one of: {limit}", field=field, limit=limit)
    return str(value)


def checked_metadata(value: object, field: str = "metadata") -> dict[str, Any] | None:
    """Return the metadata as a dict, or None; anything but a mapping is refused."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise InvalidConversationDataException(f"{field} must be a dict", field=field, limit="a dict")
    return dict(value)


def checked_changes(cleared: Iterable[str] = (), /, **changes: Any) -> dict[str, Any]:
    """Return what is not None, and None for each name of *cleared*; nothing at all is refused."""
    given = {name: value for name, value in changes.items() if value is not None} | dict.fromkeys(cleared)
    if not given:
        limit = "at least one of " + ", ".join(changes)
        raise InvalidChoiceException(f"nothing to update: give {limit}", limit=limit)
    return given


def checked_clear(clear: Iterable[str], *names: str) -> list[str]:
    """Return the names of fields to empty; those that cannot be are refused."""
    return [checked_choice(name, "clear", names) for name in clear]


def _within(value: object, field: str, max_length: int) -> str:
    if not isinstance(value, str) or len(value) > max_length:
        limit = f"a text of at most {max_length} characters"
        raise InvalidConversationDataException(f"{field} must be {limit}", field=field, limit=limit)
    return value

"""Values as instrumentations write them: structured, JSON, JSON in JSON, cut off in the middle."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import msgspec

from agentsight_otel.encoding import decode_json

PLACEHOLDERS = frozenset(
    {
        "",
        "<REDACTED>",
        "__REDACTED__",
        "[REDACTED]",
        "[Filtered]",
        "<elided>",
        "FILTERED",
        "(no value)",
        "[masked: mask failed]",
    }
)
"""Texts that stand for a text that is not there; two of them are not the same text."""

_JSON_STARTS = ("{", "[", '"')
_MAX_UNWRAPS = 3
_MAX_REPAIR_CHARS = 1_000_000
_MAX_INT = 2**53
_STRUCTURE = re.compile(r'["\\{}\[\]]')


def load(value: Any) -> Any:
    """Return a value with JSON texts decoded, also when they were encoded twice.

    A text that is no JSON is returned as it is; one that starts as JSON and was cut off is closed.
    """
    if not isinstance(value, str) or value[:1].isalnum():
        return value
    for _ in range(_MAX_UNWRAPS):
        if not isinstance(value, str):
            return value
        text = value.lstrip()
        if not text.startswith(_JSON_STARTS):
            return value
        decoded = _decode(text)
        if decoded is None:
            return value
        value = decoded
    return value


def _decode(text: str) -> Any:
    try:
        return decode_json(text)
    except (msgspec.DecodeError, RecursionError):
        pass
    if text[0] == '"' or len(text) > _MAX_REPAIR_CHARS:
        return None
    try:
        return decode_json(_closed(text))
    except (msgspec.DecodeError, RecursionError):
        return None


def _closed(text: str) -> str:
    """Close what is open at the end of a cut JSON text; what is open may be lost, the rest is kept."""
    stack: list[str] = []
    in_string = False
    skip = -1
    for match in _STRUCTURE.finditer(text):
        at, character = match.start(), match.group()
        if at <= skip:
            continue
        if character == "\\":
            skip = at + 1
        elif character == '"':
            in_string = not in_string
        elif not in_string and character in "{[":
            stack.append("}" if character == "{" else "]")
        elif not in_string and stack:
            stack.pop()
    if skip >= len(text):
        text = text[:-1]
    if in_string:
        text += '"'
    text = re.sub(r'(,\s*|,?\s*"[^"]*"\s*:\s*|:\s*)$', "", text)
    return text + "".join(reversed(stack))


def text_signature(text: str) -> int | None:
    """Return what makes two texts the same one in this process; None for a placeholder, which is no text.

    Blank space at the ends and Unicode's ways of writing an accent make no difference.
    """
    stripped = text.strip()
    if stripped in PLACEHOLDERS:
        return None
    if not stripped.isascii():
        stripped = unicodedata.normalize("NFC", stripped)
    return hash(stripped)


def as_text(value: Any) -> str | None:
    """Return a text, or None for what is none or blank."""
    if isinstance(value, str):
        return value if value.strip() else None
    return None


def as_id(value: Any) -> str | None:
    """Return an id: a text that is not blank, or a whole number as text."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None


def as_count(value: Any) -> int | None:
    """Return a number of tokens; 0 is a number, a negative or unreadable one is missing."""
    if type(value) is int:
        return value if 0 <= value <= _MAX_INT else None
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        value = value.strip()
        if not value.isascii() or not value.isdigit() or len(value) > 15:
            return None
        value = int(value)
    if isinstance(value, float):
        if not value.is_integer():
            return None
        value = int(value)
    return value if isinstance(value, int) and 0 <= value <= _MAX_INT else None


def as_flag(value: Any) -> bool | None:
    """Return a bool, or None for what is none."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    return None

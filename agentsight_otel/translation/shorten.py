"""Cut a text to a length; a JSON text stays valid JSON."""

from __future__ import annotations

from typing import Any

import msgspec

from agentsight_otel.encoding import decode_json, encode_json_str

SUFFIX = "...[truncated]"
SHED_KEY = "_agentsight_truncated"
_JSON_STARTS = ("{", "[")
_MIN_LEAF = 32
_NAMED_KEYS = 20
_ROOM_FOR_MARKER = len(SHED_KEY) + 12


def shorten(text: str, limit: int) -> str:
    """Return *text* in at most *limit* characters.

    A plain text ends in ``...[truncated]``. In a JSON object or list the long leaf texts are cut first,
    then whole entries are left out, largest first, with a ``_agentsight_truncated`` marker.
    """
    if len(text) <= limit:
        return text
    if text.startswith(_JSON_STARTS):
        try:
            return _shorten_json(decode_json(text), limit)
        except (msgspec.DecodeError, RecursionError):
            pass
    return cut(text, limit)


def cut(text: str, limit: int) -> str:
    """Return a plain text in at most *limit* characters."""
    if len(text) <= limit:
        return text
    return text[: max(limit - len(SUFFIX), 0)] + SUFFIX[:limit]


def _shorten_json(value: Any, limit: int) -> str:
    leaf = limit
    encoded = encode_json_str(value)
    while len(encoded) > limit and leaf >= _MIN_LEAF:
        leaf //= 2
        encoded = encode_json_str(_cut_leaves(value, leaf))
    if len(encoded) <= limit:
        return encoded
    return _shed(_cut_leaves(value, leaf), limit)


def _cut_leaves(value: Any, leaf: int) -> Any:
    if isinstance(value, str):
        return cut(value, leaf)
    if isinstance(value, dict):
        return {key: _cut_leaves(item, leaf) for key, item in value.items()}
    if isinstance(value, list):
        return [_cut_leaves(item, leaf) for item in value]
    return value


def _shed(value: Any, limit: int) -> str:
    """Leave whole entries out, the largest first, until the rest and a marker about it fit."""
    entries = value if isinstance(value, dict) else {str(i): item for i, item in enumerate(value)}
    sizes = sorted(
        (len(encode_json_str(item)) + len(encode_json_str(key)) + 2, key) for key, item in entries.items()
    )
    for named in (_NAMED_KEYS, _NAMED_KEYS // 4, 0):
        room = (
            limit - len(encode_json_str(_marker([key for _, key in sizes[::-1]], named))) - _ROOM_FOR_MARKER
        )
        kept: set[str] = set()
        for size, key in sizes:
            if size > room:
                break
            room -= size
            kept.add(key)
        encoded = encode_json_str(_rest(value, entries, kept, named))
        if len(encoded) <= limit:
            return encoded
    return "{}"[:limit] if limit > 1 else "0"


def _rest(value: Any, entries: dict[str, Any], kept: set[str], named: int) -> Any:
    marker = _marker([key for key in entries if key not in kept], named)
    if isinstance(value, dict):
        return {key: item for key, item in entries.items() if key in kept} | {SHED_KEY: marker}
    return [*(item for key, item in entries.items() if key in kept), {SHED_KEY: marker}]


def _marker(dropped: list[str], named: int) -> dict[str, Any]:
    marker: dict[str, Any] = {"dropped_count": len(dropped)}
    if named:
        marker["dropped_keys"] = sorted((cut(key, _MIN_LEAF) for key in dropped), key=len, reverse=True)[
            :named
        ]
    return marker

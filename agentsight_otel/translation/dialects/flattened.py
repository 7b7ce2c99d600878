"""Objects that were flattened into dotted attribute names, put together again."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

_MAX_INDEX = 10_000
_MAX_DEPTH = 12
_MAX_DIGITS = 5

Flat = list[tuple[tuple[str, ...], tuple[Any, ...]]]
"""The objects of a flattened list: what stands after each one's number, and the values."""


def split_number(path: str) -> tuple[int, str] | None:
    """Split ``3.message.role`` into its number and the rest; None for a path without a usable number."""
    number, dot, rest = path.partition(".")
    if not dot or not rest or not number.isascii() or not number.isdigit() or len(number) > _MAX_DIGITS:
        return None
    index = int(number)
    return (index, rest) if index <= _MAX_INDEX else None


def unflatten(paths: tuple[str, ...], values: tuple[Any, ...]) -> Any:
    """Put one object together, or one list where the paths begin with numbers.

    ``("message.role", "message.contents.0.text")`` and ``("user", "hi")`` become
    ``{"message": {"role": "user", "contents": [{"text": "hi"}]}}``. Numbers may have gaps and are never
    trusted as sizes; a path that contradicts an earlier one is left out.
    """
    return _filled(_shape(paths), values)


def _filled(node: Any, values: tuple[Any, ...]) -> Any:
    if type(node) is int:
        return values[node]
    if type(node) is dict:
        return {key: _filled(below, values) for key, below in node.items()}
    return [_filled(below, values) for below in node]


# The messages of one place in a program have the same paths in the same order.
@lru_cache(maxsize=1024)
def _shape(paths: tuple[str, ...]) -> Any:
    """Return the object or list with the place of each value instead of the value."""
    root: dict[str, Any] = {}
    for place, path in enumerate(paths):
        *steps, last = path.split(".", _MAX_DEPTH)
        node = root
        for step in steps:
            below = node.setdefault(step, {})
            if not isinstance(below, dict):
                break
            node = below
        else:
            node.setdefault(last, place)
    return _lists(root)


def _is_number(key: str) -> bool:
    return key.isascii() and key.isdigit() and len(key) <= _MAX_DIGITS


def _lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if node and all(map(_is_number, node)):
        return [_lists(value) for _, value in sorted((int(key), value) for key, value in node.items())]
    return {key: _lists(value) for key, value in node.items()}

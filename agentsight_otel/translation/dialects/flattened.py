"""Objects that were flattened into dotted attribute names, put together again."""

from __future__ import annotations

from collections.abc import Iterable
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


def unflatten(items: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Put one object together.

    ``[("message.role", "user"), ("message.contents.0.text", "hi")]`` becomes
    ``{"message": {"role": "user", "contents": [{"text": "hi"}]}}``. Numbers may have gaps and are never
    trusted as sizes; a path that contradicts an earlier one is left out.
    """
    root: dict[str, Any] = {}
    numbered = False
    for path, value in items:
        node = root
        steps, last, has_numbers = _steps(path)
        for step in steps:
            below = node.get(step)
            if below is None and step not in node:
                below = node[step] = {}
            elif not isinstance(below, dict):
                break
            node = below
        else:
            node.setdefault(last, value)
            numbered = numbered or has_numbers
    return _lists(root) if numbered else root


@lru_cache(maxsize=1024)
def _steps(path: str) -> tuple[tuple[str, ...], str, bool]:
    *steps, last = path.split(".", _MAX_DEPTH)
    return tuple(steps), last, any(map(str.isdigit, steps))


def _is_number(key: str) -> bool:
    return key.isascii() and key.isdigit() and len(key) <= _MAX_DIGITS


def _lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if node and all(map(_is_number, node)):
        return [_lists(value) for _, value in sorted((int(key), value) for key, value in node.items())]
    return {key: _lists(value) if type(value) is dict else value for key, value in node.items()}

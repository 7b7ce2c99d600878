"""Objects that were flattened into dotted attribute names, put together again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_MAX_INDEX = 10_000
_MAX_DEPTH = 12
_MAX_DIGITS = 5

Flat = dict[int, tuple[tuple[str, Any], ...]]
"""The numbered objects of a flattened list: what stands after each one's number, with its value."""


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
        *steps, last = path.split(".", _MAX_DEPTH)
        for step in steps:
            below = node.setdefault(step, {})
            if not isinstance(below, dict):
                break
            node = below
            numbered = numbered or step.isdigit()
        else:
            node.setdefault(last, value)
    return _lists(root) if numbered else root


def _lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if node and all(key.isascii() and key.isdigit() and len(key) <= _MAX_DIGITS for key in node):
        return [_lists(value) for _, value in sorted((int(key), value) for key, value in node.items())]
    return {key: _lists(value) for key, value in node.items()}

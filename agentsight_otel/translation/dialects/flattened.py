"""Messages that were flattened into numbered attributes, put together again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MAX_INDEX = 10_000
_MAX_DEPTH = 12


def unflatten(flat: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the numbered objects of a flattened list, in order of their numbers.

    ``{"0.message.role": "user", "0.message.content": "hi"}`` becomes
    ``[{"message": {"role": "user", "content": "hi"}}]``. Numbers may have gaps and are never trusted as
    sizes; a path that contradicts another one is left out.
    """
    root: dict[str, Any] = {}
    for path, value in flat.items():
        _put(root, path.split(".", _MAX_DEPTH), value)
    listed = _lists(root)
    items = listed if isinstance(listed, list) else []
    return [item for item in items if isinstance(item, dict)]


def _put(node: dict[str, Any], path: list[str], value: Any) -> None:
    for step in path[:-1]:
        below = node.setdefault(step, {})
        if not isinstance(below, dict):
            return
        node = below
    node.setdefault(path[-1], value)


def _lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if node and all(key.isascii() and key.isdigit() and len(key) <= 6 for key in node):
        numbered = sorted((int(key), value) for key, value in node.items() if int(key) <= _MAX_INDEX)
        return [_lists(value) for _, value in numbered]
    return {key: _lists(value) for key, value in node.items()}

"""What serialisers put around a message."""

from __future__ import annotations

from typing import Any

_ENVELOPES = ("message", "prompt", "completion")
_WRAPPINGS = frozenset({"kwargs", "data", *_ENVELOPES})
_is_object = dict.__instancecheck__


def unwrap(value: dict[str, Any]) -> dict[str, Any]:
    """Take a message out of the envelopes serialisers put around it."""
    if _WRAPPINGS.isdisjoint(value) and type(value.get("content")) is not dict:
        return value
    for _ in range(3):
        kwargs = value.get("kwargs")
        if isinstance(kwargs, dict) and ("lc" in value or "id" in value):
            value = _with_class_role(kwargs, value.get("id"))
            continue
        inner = next(filter(_is_object, map(value.get, _ENVELOPES)), None)
        if inner is not None and not isinstance(value.get("role"), str):
            value = inner
            continue
        content = value.get("content")
        if isinstance(content, dict) and isinstance(content.get("parts"), list):
            value = {**({"role": value["role"]} if isinstance(value.get("role"), str) else {}), **content}
            continue
        data = value.get("data")
        if isinstance(data, dict) and isinstance(value.get("type"), str) and "content" in data:
            value = {"type": value["type"], **data}
            continue
        break
    return value


def _with_class_role(kwargs: dict[str, Any], path: Any) -> dict[str, Any]:
    if isinstance(path, list | tuple) and path and isinstance(path[-1], str):
        return {"type": path[-1], **kwargs}
    return kwargs

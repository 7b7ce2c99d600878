"""Deterministic ids: the same spans give the same ids, whenever and wherever they are assembled."""

from __future__ import annotations

import hashlib

_SEPARATOR = "\x1f"


def span_id(*names: str) -> str:
    """Return a span id of 16 hexadecimal digits derived from *names*."""
    return _digest(names, 8)


def text_id(*names: str) -> str:
    """Return an id of 32 hexadecimal digits derived from *names*."""
    return _digest(names, 16)


def _digest(names: tuple[str, ...], size: int) -> str:
    text = _SEPARATOR.join(names)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size).hexdigest()

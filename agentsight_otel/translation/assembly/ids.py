"""Deterministic ids: the same spans give the same ids, whenever and wherever they are assembled."""

from __future__ import annotations

import hashlib
import unicodedata

from agentsight_otel.translation.dialects.messages import Message
from agentsight_otel.translation.dialects.values import PLACEHOLDERS

_SEPARATOR = "\x1f"


def span_id(*names: str) -> str:
    """Return a span id of 16 hexadecimal digits derived from *names*."""
    return _digest(names, 8)


def text_id(*names: str) -> str:
    """Return an id of 32 hexadecimal digits derived from *names*."""
    return _digest(names, 16)


def signature(message: Message) -> str | None:
    """Return what makes two messages the same one; None for a text that is only a placeholder.

    Blank space at the ends, Unicode's way of writing accents and whether a text comes in parts make no
    difference.
    """
    return text_signature(message.text) if message.text or not message.parts else _media_signature(message)


def text_signature(text: str) -> str | None:
    """Return the signature of a text; None for a placeholder."""
    stripped = text.strip()
    if stripped in PLACEHOLDERS:
        return None
    return _digest((unicodedata.normalize("NFC", stripped),), 12)


def _media_signature(message: Message) -> str | None:
    names = [f"{part.kind}:{part.uri}:{len(part.data)}:{part.name}" for part in message.parts]
    return _digest(("media", *names), 12)


def _digest(names: tuple[str, ...], size: int) -> str:
    text = _SEPARATOR.join(names)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size).hexdigest()

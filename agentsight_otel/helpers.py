"""Small things users need beside the clients."""

from __future__ import annotations

import mimetypes
import secrets
from datetime import UTC, datetime

from agentsight_otel.encoding import encode_json_str, to_jsonable

__all__ = ["encode_json_str", "generate_conversation_id", "get_iso_timestamp", "get_mime_type", "to_jsonable"]


def generate_conversation_id() -> str:
    """Return a new conversation id: ``conv_`` and 12 lowercase hexadecimal digits."""
    return "conv_" + secrets.token_hex(6)


def get_iso_timestamp() -> str:
    """Return the current time in UTC as ISO 8601 with microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def get_mime_type(filename: str) -> str:
    """Guess a MIME type from a file name; ``application/octet-stream`` when unknown."""
    return mimetypes.guess_type(filename)[0] or "application/octet-stream"

"""Names and types of files that strangers send."""

from __future__ import annotations

import mimetypes
import re
import unicodedata
from typing import Any

MAX_NAME = 255
UNKNOWN_TYPE = "application/octet-stream"
_MIME_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
_IMAGES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


def safe_filename(name: Any, index: int, mime_type: str) -> str:
    """Return the last part of a name without control characters; a made-up name if nothing is left."""
    text = str(name or "").replace("\\", "/").rpartition("/")[2]
    text = "".join(c for c in text if unicodedata.category(c)[0] != "C").strip()
    if text.strip("."):
        return text[-MAX_NAME:]
    return f"attachment_{index}{mimetypes.guess_extension(mime_type) or ''}"


def safe_mime_type(given: Any) -> str:
    """Return a MIME type without parameters; ``application/octet-stream`` for what is none."""
    text = str(given or "").partition(";")[0].strip().lower()
    return text if _MIME_TYPE.fullmatch(text) else UNKNOWN_TYPE


def attachment_type(mime_type: str) -> str:
    """Return ``image``, ``video``, ``audio``, ``text`` or ``document``."""
    family = mime_type.partition("/")[0]
    return family if family in {"image", "video", "audio", "text"} else "document"


def sniff_image(data: bytes) -> str | None:
    """Return the type of an image a browser can show safely, by its first bytes; None for anything else."""
    for magic, mime_type in _IMAGES:
        if data.startswith(magic):
            return mime_type
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return None

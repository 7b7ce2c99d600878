"""Images, audio, documents: where they are or what they hold, whatever a provider writes around them."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, NamedTuple

from agentsight_otel.helpers import get_mime_type

_DATA_URI = re.compile(r"data:([\w.+\-/]*)(?:;[\w=\-]+)*;base64,", re.ASCII)
_MAX_DEPTH = 4
_SOURCES = (
    "source",
    "image_url",
    "image",
    "input_audio",
    "audio",
    "audio_url",
    "document",
    "video",
    "file",
    "media",
)
_URIS = ("uri", "url", "file_uri", "fileUri", "file_id", "file_url")
_TYPES = ("mime_type", "media_type", "mimeType", "mediaType", "contentType", "format")
_DATA = ("content", "data", "file_data", "bytes", "binary_content")
_NAMES = ("filename", "name", "title")
_UNKNOWN = "application/octet-stream"


class Medium(NamedTuple):
    """A medium; what is not known is empty.

    Attributes:
        transcript: What was said in it.
        mime_type: For example ``image/png``.
        uri: Where it is, or its file id.
        data: Its bytes.
        filename: As it was called.
    """

    transcript: str
    mime_type: str
    uri: str
    data: bytes
    filename: str


def read_medium(block: dict[str, Any]) -> Medium:
    """Read a block that holds a medium or says where it is."""
    found = _flat(block, 0)
    filename = _first_text(found, _NAMES)
    uri = _first_text(found, _URIS)
    told = _first_text(found, _TYPES)
    mime = told if "/" in told else _guessed(filename, told)
    if found.get("plain") or (mime.startswith("text/") and "document" in block):
        data = _first_text(found, _DATA).encode("utf-8", "surrogatepass")
    else:
        data, uri, mime = _data(found, uri, mime)
    if not mime:
        mime = _guessed(uri.partition("?")[0], "")
    return Medium(_first_text(found, ("transcript",)), mime, uri, data, filename)


def _flat(block: dict[str, Any], depth: int) -> dict[str, Any]:
    """Return what a block says of its medium, without the objects around it."""
    found: dict[str, Any] = {}
    for key in _SOURCES:
        inner = block.get(key)
        if isinstance(inner, dict) and depth < _MAX_DEPTH:
            found.update(_flat(inner, depth + 1))
        elif isinstance(inner, str):
            found.setdefault("inline", inner)
    if depth and block.get("type") == "text":
        found["plain"] = True
    found.update({key: value for key, value in block.items() if key not in _SOURCES and value is not None})
    return found


def _data(found: dict[str, Any], uri: str, mime: str) -> tuple[bytes, str, str]:
    """Return the bytes, the address where there are none, and the type; some write one for the other."""
    written = next((found[key] for key in _DATA if found.get(key)), None)
    inline = found.get("inline", "") if not uri else ""
    if isinstance(written, str) and "://" in written:
        inline, written = inline or written, None
    data = _bytes(written)
    for text in filter(None, (uri, inline)):
        matched = _DATA_URI.match(text)
        if matched:
            return _bytes(text[matched.end() :]), "", matched.group(1) or mime
        if text is inline and not data and ":" not in text:
            data = _bytes(text)
    return data, uri or ("" if data else inline), mime


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        return b""
    found = _DATA_URI.match(value)
    try:
        return base64.b64decode(value[found.end() :] if found else value, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _guessed(filename: str, extension: str) -> str:
    guessed = get_mime_type(f"x.{extension}" if extension else filename)
    return "" if guessed == _UNKNOWN else guessed


def _first_text(found: dict[str, Any], keys: tuple[str, ...]) -> str:
    for key in keys:
        text = found.get(key)
        if isinstance(text, str) and text:
            return text
    return ""

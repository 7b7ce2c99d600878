"""Attachments as people give them become `File` items, read at once."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agentsight_otel.encoding import clean_text
from agentsight_otel.enums import AttachmentMode
from agentsight_otel.exceptions import InvalidAttachmentException, InvalidAttachmentModeException
from agentsight_otel.helpers import get_mime_type
from agentsight_otel.tracking import mime
from agentsight_otel.tracking.items import File

MAX_FILE_BYTES = 25 * 1024 * 1024
MAX_FILES = 10

_MODES = {"base64": AttachmentMode.BASE64, "form_data": AttachmentMode.FORM_DATA}


def parse_mode(mode: object) -> AttachmentMode:
    """Return the mode named by an enum member, or by its text in any case, with ``_`` or ``-``.

    Raises:
        InvalidAttachmentModeException: Any other value.
    """
    known = _MODES.get(mode.strip().lower().replace("-", "_")) if isinstance(mode, str) else None
    if known is None:
        raise InvalidAttachmentModeException(
            "attachment mode must be base64 or form_data", field="mode", limit="base64 or form_data"
        )
    return known


def read_attachments(attachments: object, mode: AttachmentMode) -> tuple[File, ...]:
    """Read attachments now: what happens to a file or handle afterwards changes nothing.

    Args:
        attachments: A list of at most 10; each a dict with ``data`` (base64 text in base64 mode; bytes or
            a binary file), ``filename`` and ``mime_type`` (needed in base64 mode) or ``content_type``;
            or a path; or a binary file with a name.
        mode: How the text of ``data`` is to be read.

    Raises:
        InvalidAttachmentException: Empty, malformed, unreadable, or over 25 MB a file.
    """
    if not isinstance(attachments, list | tuple) or not attachments:
        raise _invalid("attachments", "a list of 1 to 10 attachments")
    if len(attachments) > MAX_FILES:
        raise _invalid("attachments", f"at most {MAX_FILES} attachments a call")
    return tuple(_read_one(index, attachment, mode) for index, attachment in enumerate(attachments))


def _read_one(index: int, attachment: object, mode: AttachmentMode) -> File:
    place = f"attachments[{index}]"
    if isinstance(attachment, Mapping):
        return _from_dict(index, place, attachment, mode)
    if isinstance(attachment, str | os.PathLike):
        return _from_path(place, os.fspath(attachment))
    if hasattr(attachment, "read"):
        return _named(index, None, None, _base_name(attachment), _read_file(place, attachment))
    raise _invalid(place, "a dict, a path or an open file")


def _from_dict(index: int, place: str, attachment: Mapping[Any, Any], mode: AttachmentMode) -> File:
    if "data" not in attachment:
        raise _invalid(f"{place}.data", "present")
    data = attachment["data"]
    filename = _name(f"{place}.filename", attachment.get("filename"))
    mime_type = _name(f"{place}.mime_type", attachment.get("mime_type") or attachment.get("content_type"))
    if isinstance(data, str):
        if mode is not AttachmentMode.BASE64:
            raise _invalid(f"{place}.data", "bytes or an open file in form_data mode")
        for field, value in (("filename", filename), ("mime_type", mime_type)):
            if value is None:
                raise _invalid(f"{place}.{field}", "a text that is not blank")
        return _named(index, filename, mime_type, None, _decode(f"{place}.data", data))
    if isinstance(data, bytes | bytearray | memoryview):
        return _named(index, filename, mime_type, None, _limited(f"{place}.data", bytes(data)))
    if hasattr(data, "read"):
        return _named(index, filename, mime_type, _base_name(data), _read_file(f"{place}.data", data))
    raise _invalid(f"{place}.data", "base64 text, bytes or an open file")


def _from_path(place: str, path: str | bytes) -> File:
    try:
        file = Path(os.fsdecode(path))
        if file.stat().st_size > MAX_FILE_BYTES:
            raise _invalid(place, "at most 25 MB")
        data = file.read_bytes()
    except (OSError, ValueError):
        raise _invalid(place, "a file that can be read") from None
    return _named(0, file.name, None, None, _limited(place, data))


def _read_file(place: str, file: Any) -> bytes:
    try:
        data = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError, TypeError, AttributeError):
        raise _invalid(place, "a file that can be read") from None
    if isinstance(data, str):
        data = clean_text(data).encode()
    if not isinstance(data, bytes | bytearray | memoryview):
        raise _invalid(place, "a file that gives bytes")
    return _limited(place, bytes(data))


def _decode(place: str, text: str) -> bytes:
    if len(text) > (MAX_FILE_BYTES + 2) // 3 * 4:
        raise _invalid(place, "at most 25 MB")
    try:
        return _limited(place, base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        raise _invalid(place, "valid base64") from None


def _named(index: int, filename: str | None, mime_type: str | None, guess: str | None, data: bytes) -> File:
    filename = filename or guess
    if mime_type is None:
        mime_type = get_mime_type(filename) if filename else mime.DEFAULT
        if mime_type == mime.DEFAULT:
            mime_type = mime.sniff(data)
    return File(filename or f"attachment_{index}{mime.extension(mime_type)}", mime_type, data)


def _name(place: str, value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip():
        raise _invalid(place, "a text that is not blank")
    return clean_text(value.strip())


def _base_name(file: object) -> str | None:
    name = getattr(file, "name", None)
    return clean_text(Path(name).name) or None if isinstance(name, str) else None


def _limited(place: str, data: bytes) -> bytes:
    if len(data) > MAX_FILE_BYTES:
        raise _invalid(place, "at most 25 MB")
    return data


def _invalid(field: str, limit: str) -> InvalidAttachmentException:
    return InvalidAttachmentException(f"{field} must be {limit}", field=field, limit=limit)

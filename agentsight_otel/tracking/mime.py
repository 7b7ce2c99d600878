"""MIME types of bytes that came without a name."""

from __future__ import annotations

import mimetypes

DEFAULT = "application/octet-stream"

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (8, b"WAVE", "audio/wav"),
    (0, b"BM", "image/bmp"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (0, b"OggS", "audio/ogg"),
    (0, b"fLaC", "audio/flac"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
)
"""(offset, bytes, type), the more specific first."""

_OFFICE = (
    (b"word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    (b"xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    (b"ppt/", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
)
_OFFICE_WINDOW = 4096
"""The first entries of an office file name its parts."""


def sniff(data: bytes) -> str:
    """Return the MIME type that the first bytes of *data* show."""
    for offset, magic, mime_type in _MAGIC:
        if data[offset : offset + len(magic)] == magic:
            return _office(data) or mime_type if mime_type == "application/zip" else mime_type
    return DEFAULT


def extension(mime_type: str) -> str:
    """Return a file name extension with its dot for a MIME type; ``.bin`` when unknown."""
    return mimetypes.guess_extension(mime_type) or ".bin"


def _office(data: bytes) -> str | None:
    head = data[:_OFFICE_WINDOW]
    return next((mime_type for part, mime_type in _OFFICE if part in head), None)

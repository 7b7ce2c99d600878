"""File URLs that work without a key, for an hour."""

from __future__ import annotations

import hashlib
import hmac
import time

LIFETIME = 3600
"""Seconds a file URL works."""


def file_url(base_url: str, secret: bytes, attachment: int) -> str:
    """Return the URL of an attachment's bytes."""
    expires = int(time.time()) + LIFETIME
    signature = sign(secret, attachment, expires)
    return f"{base_url}/api/files/{attachment}/?expires={expires}&signature={signature}"


def sign(secret: bytes, attachment: int, expires: int) -> str:
    """Return the signature of an attachment's URL."""
    return hmac.new(secret, f"file:{attachment}:{expires}".encode(), hashlib.sha256).hexdigest()


def is_valid(secret: bytes, attachment: int, expires: str, signature: str) -> bool:
    """Tell whether a URL was signed by this server and has not expired."""
    if not (expires.isascii() and expires.isdigit()) or len(expires) > 12 or int(expires) < time.time():
        return False
    return hmac.compare_digest(sign(secret, attachment, int(expires)).encode(), signature.encode())

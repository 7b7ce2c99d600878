"""Fields of forms and parts of addresses: whatever was sent, read without trusting it."""

from __future__ import annotations

import re

from starlette.datastructures import FormData


def whole_number(text: str) -> int | None:
    """Return a whole number of at most 17 digits, 0 or more; None when the text is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else None


def text_of(form: FormData, name: str) -> str:
    """Return a text field of a form; a missing field, or a file, is the empty text."""
    value = form.get(name)
    return value if isinstance(value, str) else ""


def number_of(form: FormData, name: str) -> int:
    """Return a whole number of a form, 0 when there is none."""
    return whole_number(text_of(form, name)) or 0


def safe_path(path: str) -> str:
    """Return the path if a browser takes it for one of this server, else the empty text."""
    ok = path.startswith("/") and not path.startswith(("//", "/\\")) and not re.search(r"[\x00-\x20\\]", path)
    return path if ok else ""

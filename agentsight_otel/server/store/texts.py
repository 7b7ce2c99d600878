"""Text as both engines can hold it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy
from sqlalchemy import Dialect, TypeDecorator

from agentsight_otel.encoding import clean_text


def storable(text: str) -> str:
    """Return a text as both engines can hold it: NUL characters and lone surrogates become U+FFFD.

    Columns do so by themselves; a text that is a key in memory has to be the one that is read back.
    """
    if text.isascii() and "\0" not in text:
        return text
    return clean_text(text).replace("\0", "\ufffd")


def _storable(text: str | None) -> str | None:
    return None if text is None else storable(text)


class _Clean(TypeDecorator[str]):
    """Text that is stored, and compared with, in its `storable` form."""

    impl: Any = sqlalchemy.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Clean what is written and what is compared with."""
        del dialect
        return _storable(value)

    def bind_processor(self, dialect: Dialect) -> Callable[[str | None], str | None]:
        """Return the same for many values: without the calls that a decorator makes around each of them."""
        del dialect
        return _storable


class Text(_Clean):
    """Text of any length."""

    cache_ok = True


class String(_Clean):
    """Short text; what writes it checks the length before."""

    impl = sqlalchemy.String
    cache_ok = True

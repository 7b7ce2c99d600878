"""Text as both engines can hold it."""

from __future__ import annotations

from typing import Any

import sqlalchemy
from sqlalchemy import Dialect, TypeDecorator

from agentsight_otel.encoding import clean_text


def storable(text: str) -> str:
    """Return a text as both engines can hold it: NUL characters and lone surrogates become U+FFFD.

    Columns do so by themselves; a text that is a key in memory has to be the one that is read back.
    """
    return clean_text(text).replace("\0", "\ufffd")


class _Clean(TypeDecorator[str]):
    """Text that is stored, and compared with, in its `storable` form."""

    impl: Any = sqlalchemy.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Clean what is written and what is compared with."""
        del dialect
        return None if value is None else storable(value)


class Text(_Clean):
    """Text of any length."""

    cache_ok = True


class String(_Clean):
    """Short text; what writes it checks the length before."""

    impl = sqlalchemy.String
    cache_ok = True

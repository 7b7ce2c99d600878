"""Text that is safe to open in a spreadsheet."""

from __future__ import annotations

import re
from typing import Final

CIRCUMSTANCES: Final = (
    "device",
    "source",
    "language",
    "environment",
    "started_at",
    "ended_at",
    "message_count",
)
"""Columns that every table of conversations has, in this order."""

_DANGEROUS: Final = re.compile(r"(^|[;|\t\r\n])([\s\"']*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")
"""Where a spreadsheet, with whatever separator it expects, would see the beginning of a formula.

The escapes are the full-width forms of the four signs.
"""


def safe_cell(text: str) -> str:
    """Return text that no spreadsheet takes for a formula: an apostrophe goes before what would begin one."""
    shielded = _DANGEROUS.sub(r"\1\2'", text)
    return "'" + shielded if shielded[:1] in {"\t", "\r", "\n"} else shielded

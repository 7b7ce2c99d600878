"""Writing to a terminal what may have come from a stranger."""

from __future__ import annotations

import sys
from collections.abc import Callable

_WIDTH = 30


def say(*lines: str) -> None:
    """Write lines to standard output, without what would move a cursor or forge a line."""
    sys.stdout.write("".join(f"{printable(line)}\n" for line in lines))


def printable(text: str) -> str:
    """Escape what would move a terminal's cursor, turn its text around or forge a line."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


def progress_bar(label: str) -> Callable[[int, int], None] | None:
    """Return what draws a bar, given how much is done and the total; None when nobody would see it."""
    if not sys.stderr.isatty():
        return None

    def draw(done: int, total: int) -> None:
        filled = _WIDTH * done // max(total, 1)
        bar = "#" * filled + "." * (_WIDTH - filled)
        end = "" if done < total else "\n"
        sys.stderr.write(f"\r{label} [{bar}] {done:,} of {total:,}{end}")
        sys.stderr.flush()

    return draw

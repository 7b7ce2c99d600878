"""Which segments of a folder must go: those over the age, and the oldest while all have too many bytes."""

from __future__ import annotations

from collections.abc import Container, Iterable
from pathlib import Path
from typing import NamedTuple


class Held(NamedTuple):
    """A segment as the budget sees it; sorts by age.

    Attributes:
        written: Seconds since the Unix epoch when the file was last written to.
        path: Of the file.
        size: Bytes.
        newest: When its last record was written, on the journal's monotonic clock, as far as that is known.
    """

    written: float
    path: Path
    size: int
    newest: float


def doomed(
    segments: Iterable[Held], *, max_bytes: int, oldest: float, keep: Container[Path] = ()
) -> list[tuple[Path, str]]:
    """Return the segments that must go and why, ``expired`` or ``spool_full``; oldest first.

    Every process of a folder comes to the same answer, so that each can drop its own part of it.

    Args:
        segments: All of the folder.
        max_bytes: That they may have together.
        oldest: On the same clock as `Held.newest`; one whose last record is older goes.
        keep: Those that stay whatever there is. So does the youngest, which takes records.
    """
    by_age = sorted(segments)
    total = sum(segment.size for segment in by_age)
    gone: list[tuple[Path, str]] = []
    for segment in by_age:
        if segment.path in keep:
            continue
        if segment.newest < oldest:
            gone.append((segment.path, "expired"))
        elif total > max_bytes and segment is not by_age[-1]:
            gone.append((segment.path, "spool_full"))
        else:
            continue
        total -= segment.size
    return gone

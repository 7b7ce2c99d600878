"""What a folder holds, without taking anything over."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

from agentsight_otel.journal import record
from agentsight_otel.journal.segment import ACK_SUFFIX, SUFFIX, is_leased


@dataclasses.dataclass(frozen=True, slots=True)
class SegmentReport:
    """One segment.

    Attributes:
        path: Of the file.
        size: Bytes.
        leased: A living process has it.
        waiting: Records not acknowledged, by kind.
        oldest: Seconds since the Unix epoch of the oldest of them, None when there is none.
        damaged: Bytes that are no intact record.
    """

    path: Path
    size: int
    leased: bool
    waiting: dict[int, int]
    oldest: int | None
    damaged: int


def inspect(folder: Path) -> list[SegmentReport]:
    """Report on every segment of a destination's folder; one that goes away meanwhile is left out."""
    reports = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            reports.append(_report(path))
        except OSError:
            continue
    return reports


def _report(path: Path) -> SegmentReport:
    try:
        acknowledged = record.read_acks(path.with_suffix(ACK_SUFFIX).read_bytes())
    except OSError:
        acknowledged = set()
    data = path.read_bytes()
    waiting: Counter[int] = Counter()
    created: list[int] = []
    damaged = 0
    for found in record.scan(data):
        if isinstance(found, record.Damage):
            damaged += found.length
        elif found.offset not in acknowledged:
            waiting[found.kind] += 1
            created.append(found.created)
    return SegmentReport(path, len(data), is_leased(path), dict(waiting), min(created, default=None), damaged)

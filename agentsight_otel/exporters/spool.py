"""What the ``agentsight-otel spool`` commands do."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from agentsight_otel.config import Config
from agentsight_otel.exporters.delivery import Delivery, FlushResult, spool_folder
from agentsight_otel.exporters.graveyard import DeadLetter, read_letters
from agentsight_otel.journal import DeadFile, Journal, Kind, Record, Ref, SegmentReport, inspect

Progress = Callable[[int, int], None]

_SLICE = 0.25


@dataclasses.dataclass(frozen=True, slots=True)
class SpoolStatus:
    """What a destination's folder holds.

    Attributes:
        folder: The folder, None when there is nowhere to put one.
        segments: One report each.
        dead: Dead letters.
        quarantined: Bytes of damage kept aside.
    """

    folder: Path | None
    segments: list[SegmentReport]
    dead: int
    quarantined: int

    @property
    def waiting(self) -> dict[str, int]:
        """Records to be sent, by kind: ``span``, ``log``, ``upload`` and ``item``."""
        total: Counter[int] = Counter()
        for segment in self.segments:
            total.update(segment.waiting)
        names = {int(kind): kind.name.lower() for kind in Kind}
        return {names.get(kind, str(kind)): count for kind, count in sorted(total.items())}

    @property
    def size(self) -> int:
        """Bytes of the segments."""
        return sum(segment.size for segment in self.segments)

    @property
    def oldest(self) -> int | None:
        """Seconds since the Unix epoch of the oldest record that waits, None when there is none."""
        return min((s.oldest for s in self.segments if s.oldest is not None), default=None)


def status(config: Config) -> SpoolStatus:
    """Report on a destination's folder; takes nothing over.

    Raises:
        NoApiKeyException: The config has no key.
    """
    folder = spool_folder(config)
    if folder is None or not folder.is_dir():
        return SpoolStatus(folder, [], 0, 0)
    aside = folder / "quarantine"
    quarantined = sum(path.stat().st_size for path in aside.iterdir()) if aside.is_dir() else 0
    return SpoolStatus(folder, inspect(folder), len(dead(config)), quarantined)


def drain(
    config: Config,
    timeout: float,
    progress: Progress | None = None,
    prepare: Callable[[Delivery], None] | None = None,
) -> FlushResult:
    """Deliver what dead processes left.

    Args:
        config: The destination.
        timeout: Seconds this may take.
        progress: Told how many records are settled and how many there are, from time to time.
        prepare: Gets the delivery first, to submit what is not a record yet: unsent timelines.

    Returns:
        What was reached. Stops early when the backend refuses the key.
    """
    delivery = Delivery(config)
    deadline = time.monotonic() + timeout
    try:
        if prepare is not None:
            prepare(delivery)
        while True:
            result = delivery.flush(max(0.0, min(_SLICE, deadline - time.monotonic())))
            stats = delivery.stats()
            if progress is not None:
                progress(stats.emitted - stats.waiting, stats.emitted)
            if result or stats.parked or time.monotonic() >= deadline:
                return FlushResult(stats.delivered, stats.waiting, stats.dead, sum(stats.dropped.values()))
    finally:
        delivery.shutdown(0)


def dead(config: Config) -> list[DeadLetter]:
    """Return the dead letters of a destination, oldest first."""
    file = _dead_file(config)
    return [] if file is None else read_letters(file.read())


def requeue(config: Config, keys: Iterable[bytes] | None = None) -> int:
    """Put dead letters back among what is to be sent; the next sender or `drain` sends them.

    Args:
        config: The destination.
        keys: Of the letters; None means all.

    Returns:
        How many there were.

    Raises:
        OSError: The folder cannot be used.
    """
    file = _dead_file(config)
    if file is None:
        return 0
    wanted = None if keys is None else set(keys)
    journal = Journal(file.path.parent, durability=config.durability)
    written: list[Ref] = []

    def accept(records: list[Record]) -> list[Record] | None:
        letters = read_letters(records)
        back = [each for each in letters if each.payload and (wanted is None or each.key in wanted)]
        for letter in back:
            refs = journal.append(letter.kind, [(letter.key, letter.payload)])
            if refs is None:
                journal.ack(written)
                return None
            written.extend(refs)
        if written:
            journal.sync(written[-1])
        moved = {letter.key for letter in back}
        return [record for record in records if record.key not in moved]

    # Nobody can adopt what is written before the letters are gone.
    try:
        return file.rewrite(accept)
    except OSError:
        journal.ack(written)
        raise
    finally:
        journal.close()


def _dead_file(config: Config) -> DeadFile | None:
    folder = spool_folder(config)
    return None if folder is None else DeadFile(folder, max_bytes=config.spool_max_bytes // 4)

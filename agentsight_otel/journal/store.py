"""The journal of one destination and process: append, acknowledge, adopt, and give up gracefully."""

from __future__ import annotations

import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from agentsight_otel.enums import Durability
from agentsight_otel.journal import record
from agentsight_otel.journal.budget import Held, doomed
from agentsight_otel.journal.folder import ensure_private
from agentsight_otel.journal.segment import SUFFIX, Ref, Segment

logger = logging.getLogger("agentsight_otel")

SEGMENT_BYTES = 8 * 1024 * 1024
RESUME_INTERVAL = 2.0
"""Seconds after a failed write before the disk is tried again."""

_CHECK_INTERVAL = 1.0
_MIN_SEGMENT = 64 * 1024
_RUN_BYTES = 256 * 1024
_SPENT_BYTES = 1024 * 1024
# A segment takes no records any more after this part of the age, so that old ones do not wait for young ones.
_AGES = 8
_MAX_QUARANTINE_BYTES = 64 * 1024 * 1024


class Adopted(NamedTuple):
    """What a dead process left in one segment.

    Attributes:
        records: Not acknowledged yet, in order.
        segment: Now ours.
        damaged: Bytes that were no intact record; they are in quarantine.
    """

    records: list[record.Record]
    segment: Segment
    damaged: int


class Journal:
    """Records of one destination on disk, written by this process or adopted.

    No method raises for what a disk does: `append` returns None when the records are not on disk.

    Args:
        folder: Of the destination, made when first needed; None keeps nothing on disk.
        durability: ``power`` makes `sync` wait for the disk.
        max_bytes: Of all segments in the folder, whoever holds them.
        max_age: Seconds a record may wait, give or take an eighth.
        clock: Seconds since the Unix epoch, written down with each record.
        monotonic: Seconds that only go forward; by these the records of this process get old.

    Attributes:
        failing: The disk did not take the last record.
        over_limit: The folder was over its bytes when this process last looked; `evict` says what must go.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        durability: Durability = Durability.PROCESS,
        max_bytes: int = 512 * 1024 * 1024,
        max_age: float = 7 * 86400.0,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = None if durability is Durability.MEMORY else folder
        self.syncs = durability is Durability.POWER
        self._max_bytes = max_bytes
        self._max_age = max_age
        self._segment_bytes = max(_MIN_SEGMENT, min(SEGMENT_BYTES, max_bytes // 8))
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.RLock()
        self._segments: dict[Path, Segment] = {}
        self._active: Segment | None = None
        self._check_at = 0.0
        self._resume_at = 0.0
        self._begun = 0.0
        self.failing = False
        self.over_limit = False

    @property
    def durable(self) -> bool:
        """Whether records are on disk at the moment."""
        return self.folder is not None and not self.failing

    @property
    def size(self) -> int:
        """Bytes of every segment this process holds."""
        return sum(segment.size for segment in list(self._segments.values()))

    def append_one(self, kind: int, key: bytes, payload: bytes) -> Ref | None:
        """Write one record; like `append`, and faster."""
        if self.folder is None:
            return None
        with self._lock:
            now = self._monotonic()
            active = self._active
            if active is None or now >= self._check_at or active.size >= self._segment_bytes:
                refs = self._append(kind, ((key, payload),), now)
                return None if refs is None else refs[0]
            # Until it is written there is no active segment: the handler of a signal that records meanwhile
            # takes another file, and where it raises nobody writes behind what may be there.
            self._active = None
            try:
                ref = active.append_one(kind, key, payload, int(self._clock()))
            except OSError as error:
                self._active = active
                self._fail(error, now)
                return None
            active.newest = now
            if not active.gone:
                self._active = active
            return ref

    def append(self, kind: int, items: Sequence[tuple[bytes, bytes]]) -> list[Ref] | None:
        """Write ``(key, payload)`` records with one system call.

        Returns:
            Where they are; None when they are not on disk.
        """
        if self.folder is None or not items:
            return None
        with self._lock:
            return self._append(kind, items, self._monotonic())

    def sync(self, ref: Ref) -> None:
        """Wait until the record survives a power cut, if that is what was asked for."""
        if not self.syncs:
            return
        try:
            ref.segment.sync()
        except OSError as error:
            with self._lock:
                self._fail(error, self._monotonic())

    def read(self, ref: Ref, length: int) -> bytes | None:
        """Return a record's payload, which has *length* bytes; None when it is gone or damaged."""
        return self.read_many([(ref, length)])[0]

    def read_many(self, records: Sequence[tuple[Ref, int]]) -> list[bytes | None]:
        """Return payloads as `read` does, those that lie together with one system call."""
        found: list[bytes | None] = []
        for segment, places in _runs(records):
            found += [None] * len(places) if segment.gone else segment.read(places)
        return found

    def ack(self, refs: Iterable[Ref]) -> None:
        """Note that records are done; a segment whose records are all done is unlinked."""
        by_segment: dict[Segment, list[int]] = {}
        for ref in refs:
            by_segment.setdefault(ref.segment, []).append(ref.offset)
        with self._lock:
            for segment, offsets in by_segment.items():
                self._ack(segment, offsets)

    def orphans(self, folder: Path | None = None) -> list[Path]:
        """Return the segments that are not this process's, of another folder if one is given.

        Their owners may be alive.
        """
        return [] if self.folder is None else self._others(folder)

    def adopt(self, path: Path) -> Adopted | None:
        """Take over one segment of a dead process; None when its owner lives or it is gone."""
        segment = Segment.adopt(path)
        if segment is None:
            return None
        try:
            records, damage = segment.load()
        except OSError:
            segment.close()
            return None
        for part in damage:
            self._quarantine(segment, part)
        if not records:
            segment.remove()
        else:
            with self._lock:
                self._segments[path] = segment
                segment.newest = self._when(max(found.created for found in records))
        return Adopted(records, segment, sum(part.length for part in damage))

    def evict(self, keep: Container[Path] = ()) -> list[tuple[Path, str]]:
        """Return which segments of the folder must go and why, ``spool_full`` or ``expired``; oldest first.

        Some may be of other processes: `held` says which are ours, and those of the dead can be adopted. The
        caller settles their records, then calls `discard`.
        """
        with self._lock:
            self.over_limit = False
            if self.folder is None:
                return []
            oldest = self._monotonic() - self._max_age
            return doomed(self._everything(), max_bytes=self._max_bytes, oldest=oldest, keep=keep)

    def held(self, path: Path) -> Segment | None:
        """Return the segment at *path* if this process has it."""
        return self._segments.get(path)

    def discard(self, segment: Segment) -> None:
        """Unlink a segment with all its records."""
        with self._lock:
            self._forget(segment)

    def close(self) -> None:
        """End every lease; what is not acknowledged stays for the next process."""
        with self._lock:
            for segment in list(self._segments.values()):
                if segment.live <= 0:
                    segment.remove()
                else:
                    segment.close()
            self._segments.clear()
            self._active = None

    def abandon(self) -> None:
        """Forget everything, in a child process: the files are its parent's."""
        self._lock = threading.RLock()
        segments, self._segments, self._active = self._segments, {}, None
        for segment in segments.values():
            segment.close()
        self.failing = False

    def _append(self, kind: int, items: Sequence[tuple[bytes, bytes]], now: float) -> list[Ref] | None:
        if self.failing and now < self._resume_at:
            return None
        segment = None
        try:
            segment = self._usable_segment(now)
            self._active = None  # as in `append_one`
            refs = segment.append(kind, items, int(self._clock()))
        except OSError as error:
            self._active = segment or self._active
            self._fail(error, now)
            return None
        segment.newest = now
        if not segment.gone:
            self._active = segment
        if self.failing:
            self._resumed()
        return refs

    def _usable_segment(self, now: float) -> Segment:
        active = self._active
        if active is not None:
            if active.size >= self._segment_bytes or now - self._begun > self._max_age / _AGES:
                self._seal()
            elif now >= self._check_at:
                self._check_at = now + _CHECK_INTERVAL
                if active.missing():
                    logger.warning("agentsight-otel: the journal's folder was removed; it is made again")
                    self._seal()
        if self._active is None:
            self._active = self._create()
            self._begun = self._active.newest = now
            self.over_limit = sum(held.size for held in self._everything()) > self._max_bytes
        return self._active

    def _everything(self) -> list[Held]:
        ours = [Held(s.written(), s.path, s.size, s.newest) for s in self._segments.values()]
        return ours + [held for held in map(self._look_at, self._others()) if held is not None]

    def _look_at(self, path: Path) -> Held | None:
        try:
            there = path.stat()
        except OSError:
            return None
        return Held(there.st_mtime, path, there.st_size, self._when(there.st_mtime))

    def _when(self, created: float) -> float:
        """Return the monotonic time of a moment that another process wrote down; never one to come."""
        return self._monotonic() - max(0.0, self._clock() - created)

    def _others(self, folder: Path | None = None) -> list[Path]:
        try:
            found = [path for path in (folder or self.folder or Path()).iterdir() if path.suffix == SUFFIX]
        except OSError:
            return []
        return sorted(path for path in found if path not in self._segments)

    def _create(self) -> Segment:
        folder = self.folder
        if folder is None:
            raise FileNotFoundError("no folder")
        ensure_private(folder)
        segment = Segment.create(folder, f"{os.getpid()}-{time.time_ns():x}-{uuid.uuid4().hex[:12]}")
        self._segments[segment.path] = segment
        if self.syncs:
            _sync_folder(folder)
        return segment

    def _seal(self) -> None:
        active, self._active = self._active, None
        if active is not None and active.live <= 0:
            self._forget(active)

    def _ack(self, segment: Segment, offsets: list[int]) -> None:
        if segment.gone:
            return
        done = segment.live <= len(offsets)
        if done and (segment is not self._active or segment.size > _SPENT_BYTES):
            self._forget(segment)
        else:
            segment.ack(offsets)

    def _forget(self, segment: Segment) -> None:
        if segment is self._active:
            self._active = None
        self._segments.pop(segment.path, None)
        segment.remove()

    def _fail(self, error: OSError, now: float) -> None:
        self._resume_at = now + RESUME_INTERVAL
        self._seal()
        if not self.failing:
            self.failing = True
            name = error.strerror or type(error).__name__
            logger.warning("agentsight-otel: the journal cannot be written (%s); keeping in memory", name)

    def _resumed(self) -> None:
        self.failing = False
        logger.info("agentsight-otel: the journal can be written again")

    def _quarantine(self, segment: Segment, damage: record.Damage) -> None:
        try:
            target = segment.path.parent / "quarantine"
            ensure_private(target)
            if sum(path.stat().st_size for path in target.iterdir()) > _MAX_QUARANTINE_BYTES:
                return
            path = target / f"{segment.path.stem}-{damage.offset}.bin"
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                os.write(fd, segment.read_raw(damage))
            finally:
                os.close(fd)
        except OSError:
            return


def _runs(records: Iterable[tuple[Ref, int]]) -> Iterator[tuple[Segment, list[tuple[int, int]]]]:
    """Divide records into runs that lie together, each by its segment and its places in there."""
    run: list[tuple[int, int]] = []
    segment: Segment | None = None
    for ref, length in records:
        joins = run and segment is ref.segment and run[-1][0] < ref.offset < run[0][0] + _RUN_BYTES
        if segment is not None and not joins:
            yield segment, run
            run = []
        segment = ref.segment
        run.append((ref.offset, length))
    if segment is not None:
        yield segment, run


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)

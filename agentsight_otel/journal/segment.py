"""One file of records with its lease and its acknowledgements."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Self
from zlib import crc32

import msgspec

from agentsight_otel.journal import record
from agentsight_otel.journal.lease import try_lease
from agentsight_otel.journal.record import MAGIC, UINT32, VERSION, pack_head, pack_tail

SUFFIX = ".seg"
ACK_SUFFIX = ".ack"

_BINARY = getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
_fdatasync = getattr(os, "fdatasync", os.fsync)
_writev: Callable[[int, list[bytes]], int] | None = getattr(os, "writev", None)
_MAX_BUFFERS = 1000
_READS = 3


class Ref(msgspec.Struct, frozen=True, gc=False):
    """Where a record is. There is one for each record that waits, and none is in a cycle."""

    segment: Segment
    offset: int


class TornWriteError(OSError):
    """Only a part of the records could be written; none of them counts."""


class Segment:
    """An append-only file of records that one process holds.

    Attributes:
        path: Of the file.
        size: Bytes written.
        live: Records not acknowledged, with those that are being written.
        newest: When the last record was written, on the journal's monotonic clock, which keeps this up.
        gone: The file was unlinked, or handed over.
    """

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self.size = os.fstat(fd).st_size
        self.live = 0
        self.newest = 0.0
        self.gone = False
        self._fd = fd
        self._ack_fd: int | None = None
        self._synced = 0
        self._sync_lock = threading.RLock()

    @classmethod
    def create(cls, folder: Path, name: str) -> Self:
        """Make a new one; raises OSError."""
        # Leased under a name that nobody adopts, then named: an adopter never sees it without its lease.
        hidden, path = folder / f"{name}.new", folder / f"{name}{SUFFIX}"
        fd = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | _BINARY, 0o600)
        try:
            _lease_new(fd)
            segment = cls(path, fd)
            hidden.rename(path)
        except OSError:
            os.close(fd)
            with contextlib.suppress(OSError):
                hidden.unlink()
            raise
        return segment

    @classmethod
    def adopt(cls, path: Path) -> Self | None:
        """Take over the one at *path*, None when its owner lives or it is gone."""
        try:
            fd = os.open(path, os.O_RDWR | os.O_APPEND | _BINARY)
        except OSError:
            return None
        try:
            if try_lease(fd) and same_file(fd, path):
                return cls(path, fd)
        except OSError:
            pass
        os.close(fd)
        return None

    def append_one(self, kind: int, key: bytes, payload: bytes, created: int) -> Ref:
        """Write one record; like `append`."""
        # `record.pack`, without the call: this is what every recording call waits for.
        rest = pack_tail(len(payload), VERSION, kind, created & UINT32, key) + payload
        data = pack_head(MAGIC, crc32(rest)) + rest
        start = self.size
        self.live += 1
        try:
            if os.write(self._fd, data) != len(data):
                raise TornWriteError("a part of the record did not fit")
        except OSError:
            self._take_back(1)
            raise
        self.size = start + len(data)
        return Ref(self, start)

    def append(self, kind: int, items: Sequence[tuple[bytes, bytes]], created: int) -> list[Ref]:
        """Write ``(key, payload)`` records with one system call and return where they are.

        Raises:
            OSError: Nothing was written, or it was taken back.
        """
        buffers: list[bytes] = []
        refs: list[Ref] = []
        end = self.size
        for key, payload in items:
            refs.append(Ref(self, end))
            buffers.append(record.header(kind, key, payload, created))
            buffers.append(payload)
            end += record.HEADER_SIZE + len(payload)
        self.live += len(items)
        try:
            if _write(self._fd, buffers) != end - self.size:
                raise TornWriteError("a part of the records did not fit")
        except OSError:
            self._take_back(len(items))
            raise
        self.size = end
        return refs

    def sync(self) -> None:
        """Return when everything appended before the call survives a power cut; callers share one sync."""
        wanted = self.size
        with self._sync_lock:
            if self._synced >= wanted or self.gone:
                return
            reached = self.size
            _fdatasync(self._fd)
            self._synced = reached

    def read(self, places: Sequence[tuple[int, int]]) -> list[bytes | None]:
        """Read payloads with one system call, each given by its record's offset and its length, in order.

        Returns:
            None for one whose record is not intact.
        """
        start, (last, length) = places[0][0], places[-1]
        try:
            data = _patient(_pread, self._fd, last + record.HEADER_SIZE + length - start, start)
        except OSError:
            return [None] * len(places)
        found = [record.unpack(data, offset - start) for offset, _ in places]
        return [None if each is None else each.payload for each in found]

    def load(self) -> tuple[list[record.Record], list[record.Damage]]:
        """Read an adopted file: the records not acknowledged, and the damage."""
        data = _patient(_pread, self._fd, self.size, 0)
        acknowledged = self._read_acks()
        records: list[record.Record] = []
        damage: list[record.Damage] = []
        for found in record.scan(data):
            if isinstance(found, record.Damage):
                damage.append(found)
            elif found.offset not in acknowledged:
                records.append(found)
        self.live = len(records)
        return records, damage

    def read_raw(self, damage: record.Damage) -> bytes:
        """Return the bytes of a damaged range."""
        return _pread(self._fd, damage.length, damage.offset)

    def ack(self, offsets: Iterable[int]) -> None:
        """Note that the records at *offsets* are done; an ack that cannot be written is only a resend."""
        packed = [record.pack_ack(offset) for offset in offsets]
        self.live -= len(packed)
        with contextlib.suppress(OSError):
            fd = self._open_acks()
            torn = os.fstat(fd).st_size % record.ACK_SIZE
            os.write(fd, bytes(record.ACK_SIZE - torn if torn else 0) + b"".join(packed))

    def written(self) -> float:
        """Return when the file was last written to, in seconds since the Unix epoch; 0 if the disk fails."""
        try:
            return os.fstat(self._fd).st_mtime
        except OSError:
            return 0.0

    def missing(self) -> bool:
        """Say whether somebody removed or replaced the file."""
        return not same_file(self._fd, self.path)

    def remove(self) -> None:
        """Unlink the file and its acknowledgements, and close them."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError:
            # Where the folder cannot be written, what is done must not be found and sent again and again.
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, 0)
        else:
            with contextlib.suppress(OSError):
                self._ack_path.unlink()
        self.close()

    def close(self) -> None:
        """Close the files, which ends the lease."""
        if self.gone:
            return
        self.gone = True
        fd, self._fd = self._fd, -1  # who is late must not write into what gets its number next
        for each in (fd, self._ack_fd):
            if each is not None:
                with contextlib.suppress(OSError):
                    os.close(each)

    @property
    def _ack_path(self) -> Path:
        return self.path.with_suffix(ACK_SUFFIX)

    def _take_back(self, records: int) -> None:
        self.live -= records
        with contextlib.suppress(OSError):
            os.ftruncate(self._fd, self.size)

    def _open_acks(self) -> int:
        if self._ack_fd is None:
            self._ack_fd = os.open(self._ack_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | _BINARY, 0o600)
        return self._ack_fd

    def _read_acks(self) -> set[int]:
        try:
            return record.read_acks(self._ack_path.read_bytes())
        except OSError:
            return set()


def _write(fd: int, buffers: list[bytes]) -> int:
    # For little, copying costs less than a list of buffers; for much it is the other way round.
    if _writev is None or len(buffers) == 2 or len(buffers) > _MAX_BUFFERS:
        return os.write(fd, b"".join(buffers))
    return _writev(fd, buffers)


def _lease_new(fd: int) -> None:
    """Lease a file that nobody else has; where there are no leases, nobody could ever adopt it."""
    if not try_lease(fd):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


def is_leased(path: Path) -> bool:
    """Say whether a living process has the segment at *path*; raises OSError."""
    fd = os.open(path, os.O_RDWR | _BINARY)
    try:
        return not try_lease(fd)
    finally:
        os.close(fd)


def same_file(fd: int, path: Path) -> bool:
    """Say whether the open file *fd* is the one at *path*."""
    try:
        there = path.stat()
    except OSError:
        return False
    here = os.fstat(fd)
    return (here.st_ino, here.st_dev) == (there.st_ino, there.st_dev)


def _patient(read: Callable[..., bytes], *given: int) -> bytes:
    """Try reading again at once when it fails; what a disk in a network refuses once it often has."""
    for _ in range(_READS - 1):
        with contextlib.suppress(OSError):
            return read(*given)
    return read(*given)


def _pread(fd: int, size: int, offset: int) -> bytes:
    parts: list[bytes] = []
    while size > 0:
        part = os.pread(fd, size, offset)
        if not part:
            break
        parts.append(part)
        size -= len(part)
        offset += len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)

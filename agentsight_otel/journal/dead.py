"""The file of dead letters, shared by every process of a destination."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from agentsight_otel.journal import record
from agentsight_otel.journal.folder import ensure_private
from agentsight_otel.journal.lease import try_lease
from agentsight_otel.journal.record import Kind, Record
from agentsight_otel.journal.segment import same_file

NAME = "dead.letters"

_PATIENCE = 1.0
_PAUSE = 0.005


class DeadFile:
    """Records that were refused for good, until somebody requeues or discards them."""

    def __init__(self, folder: Path, *, max_bytes: int, clock: Callable[[], float] = time.time) -> None:
        self.path = folder / NAME
        self._max_bytes = max_bytes
        self._clock = clock

    def append(self, items: Sequence[tuple[bytes, bytes]]) -> bool:
        """Add ``(key, payload)`` letters; False when they cannot be kept."""
        created = int(self._clock())
        data = b"".join(record.pack(Kind.DEAD, key, payload, created) for key, payload in items)
        try:
            ensure_private(self.path.parent)
            fd = self._open_leased()
            try:
                size = os.fstat(fd).st_size
                if size + len(data) > self._max_bytes:
                    return False
                if os.write(fd, data) != len(data):
                    os.ftruncate(fd, size)
                    return False
            finally:
                os.close(fd)
        except OSError:
            return False
        return True

    def read(self) -> list[Record]:
        """Return every intact letter, oldest first."""
        try:
            data = self.path.read_bytes()
        except OSError:
            return []
        return [found for found in record.scan(data) if isinstance(found, Record)]

    def rewrite(self, keep: Callable[[list[Record]], list[Record] | None]) -> int:
        """Hand every letter to *keep* and keep those it returns; None keeps all.

        Returns:
            How many were removed.

        Raises:
            OSError: The file cannot be used.
        """
        if not self.path.exists():
            return 0
        fd = self._open_leased()
        try:
            letters = self.read()
            kept = keep(letters) if letters else None
            if kept is None:
                return 0
            data = b"".join(record.pack(each.kind, each.key, each.payload, each.created) for each in kept)
            # Another file takes its place when all is written: a disk that is full costs no letter.
            new = self.path.with_suffix(".new")
            new.unlink(missing_ok=True)
            with os.fdopen(_private(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self.path)
            return len(letters) - len(kept)
        finally:
            os.close(fd)

    def _open_leased(self) -> int:
        deadline = time.monotonic() + _PATIENCE
        while True:
            fd = _private(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
            if try_lease(fd) and same_file(fd, self.path):
                return fd
            os.close(fd)
            if time.monotonic() > deadline:
                raise BlockingIOError("another process holds the dead letters")
            time.sleep(_PAUSE)


def _private(path: Path, flags: int) -> int:
    return os.open(path, flags, 0o600)

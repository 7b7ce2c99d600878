"""The bytes of attachments, addressed by their SHA-256: a folder beside the database, or a table in it."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, delete, select

from agentsight_otel.server.store.dialect import insert_new
from agentsight_otel.server.store.tables import blobs

_SHA256 = re.compile(r"[0-9a-f]{64}")


class Files(Protocol):
    """Where bytes are kept. A name a client chose never reaches it."""

    def put(self, connection: Connection, sha256: str, data: bytes) -> None:
        """Keep *data*; bytes that are there already are kept once."""

    def get(self, connection: Connection, sha256: str) -> bytes | None:
        """Return the bytes, or None when they are gone."""

    def remove(self, connection: Connection, sha256: str) -> None:
        """Forget the bytes."""

    def back_up(self, database: Path) -> None:
        """Copy what the backup of the database at this path does not contain."""


class FolderFiles:
    """Bytes as files in a folder that only this user can read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, connection: Connection, sha256: str, data: bytes) -> None:
        """Write to a temporary name first, so that a file is whole or absent."""
        del connection
        path = self._path(sha256)
        if path.exists():
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f".{secrets.token_hex(8)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        draft.replace(path)

    def get(self, connection: Connection, sha256: str) -> bytes | None:
        """Read a file."""
        del connection
        try:
            return self._path(sha256).read_bytes()
        except FileNotFoundError:
            return None

    def remove(self, connection: Connection, sha256: str) -> None:
        """Delete a file."""
        del connection
        self._path(sha256).unlink(missing_ok=True)

    def back_up(self, database: Path) -> None:
        """Copy the folder beside the backup, under the name it is looked for."""
        if self._folder.exists():
            shutil.copytree(self._folder, self.beside(database), dirs_exist_ok=True)

    @staticmethod
    def beside(database: Path) -> Path:
        """Return the folder that belongs to a database file."""
        return database.with_name(f"{database.name}.files")

    def _path(self, sha256: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise ValueError("not a SHA-256")
        return self._folder / sha256[:2] / sha256


class TableFiles:
    """Bytes in the table ``blobs``."""

    def put(self, connection: Connection, sha256: str, data: bytes) -> None:
        """Insert the row unless it is there."""
        if connection.scalar(select(blobs.c.sha256).where(blobs.c.sha256 == sha256)) is None:
            connection.execute(insert_new(connection, blobs), {"sha256": sha256, "data": data})

    def get(self, connection: Connection, sha256: str) -> bytes | None:
        """Read the row."""
        return connection.scalar(select(blobs.c.data).where(blobs.c.sha256 == sha256))

    def remove(self, connection: Connection, sha256: str) -> None:
        """Delete the row."""
        connection.execute(delete(blobs).where(blobs.c.sha256 == sha256))

    def back_up(self, database: Path) -> None:
        """Do nothing: the bytes are in the database."""

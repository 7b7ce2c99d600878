"""Store: the database of the local server, SQLite or PostgreSQL, behind two context managers."""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, Engine, create_engine, event, insert, select, text
from sqlalchemy.pool import StaticPool

from agentsight_otel.encoding import decode_json, encode_json_str
from agentsight_otel.exceptions import ConfigurationException
from agentsight_otel.server.store import migrations, tables
from agentsight_otel.server.store.files import Files, FolderFiles, TableFiles

MEMORY = ":memory:"
BUSY_TIMEOUT_MS = 10_000
WRITER_CACHE_KB = 8_192
READER_CACHE_KB = 2_048
"""Each connection has a page cache of its own; what it does not hold, the operating system does."""
CHECKPOINT_PAGES = 8_000
"""Pages of the write-ahead log from which on a commit carries them over, unless `Store.checkpoint` did."""
POSTGRESQL_POOL = 10
"""Connections one process keeps to PostgreSQL; as many again may be opened under load."""
_SCHEMA_LOCK = 0x61677368
"""Advisory lock number: one process at a time makes or changes the schema on PostgreSQL."""


class Store:
    """One database: `Store.open` it, read in ``with store.read()``, write in ``with store.write()``.

    On SQLite there is one writer connection, whose transactions begin IMMEDIATE and take turns on a lock, and
    reader connections that cannot write. ``:memory:`` has one connection for everything. On PostgreSQL both
    come from a pool, and what must not run twice at once locks a row.

    Attributes:
        files: The bytes of attachments.
        secret: Signs file URLs; made with the database and kept in it.
        dialect: ``sqlite`` or ``postgresql``.
        writes: Transactions this process has opened to write.
    """

    def __init__(self, writer: Engine, reader: Engine, files: Files) -> None:
        self._writer = writer
        self._reader = reader
        self._one_connection = isinstance(writer.pool, StaticPool)
        self._write_lock: contextlib.AbstractContextManager[Any] = (
            threading.RLock() if writer.dialect.name == "sqlite" else contextlib.nullcontext()
        )
        self.dialect = writer.dialect.name
        self.writes = 0
        self.files = files
        self.secret = self._prepare()

    @classmethod
    def open(cls, db: str = MEMORY) -> Self:
        """Open a database; make its tables if they are missing, and bring older ones up to date.

        An SQLite file of an older schema is copied first, to ``<file>.schema-<number>.backup``.

        Args:
            db: ``:memory:``, the path of an SQLite file, or a ``postgresql://`` URL.

        Raises:
            ConfigurationException: A newer version of this package made the database, or a much older one.
        """
        if db.startswith(("postgresql://", "postgres://", "postgresql+psycopg://")):
            engine = _postgresql(db)
            return cls(engine, engine, TableFiles())
        if db == MEMORY:
            engine = _sqlite("sqlite://", poolclass=StaticPool)
            return cls(engine, engine, TableFiles())
        path = Path(db).expanduser().resolve()
        path.parent.mkdir(parents=True, exist_ok=True)
        url = f"sqlite:///{path}"
        writer = _sqlite(url, pool_size=1, max_overflow=0)
        return cls(
            writer, _sqlite(url, read_only=True, pool_use_lifo=True), FolderFiles(FolderFiles.beside(path))
        )

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a consistent view of the database; nothing can be written in it."""
        with self._write_lock if self._one_connection else contextlib.nullcontext():  # noqa: SIM117 - in this order
            with self._reader.connect() as connection:
                yield connection

    def stream(self, read: Callable[[Connection], Iterator[bytes]]) -> Iterator[bytes]:
        """Yield what *read* makes of one view of the database, to whichever threads ask for the next part."""
        with self.read() as connection:
            if not self._one_connection:
                yield from read(connection)
                return
            parts = list(read(connection))  # its one connection is held by a thread, which must not change
        yield from parts

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction: committed when the block ends, rolled back when it raises."""
        with self._write_lock, self._writer.begin() as connection:
            self.writes += 1
            yield connection

    def back_up(self, path: Path) -> None:
        """Write a copy of an SQLite database that is whole, while it is in use, with its files beside it.

        Args:
            path: Of the copy; it must not exist.

        Raises:
            FileExistsError: It exists.
            ConfigurationException: The database is PostgreSQL, which has pg_dump.
        """
        if self.dialect != "sqlite":
            raise ConfigurationException("PostgreSQL is backed up with pg_dump", field="db")
        if path.exists():
            raise FileExistsError(path)
        self._copy(path)
        self.files.back_up(path)

    def checkpoint(self) -> None:
        """Carry the write-ahead log of an SQLite file over to it, beside readers and writers."""
        if not self._one_connection:
            _pragma(self._reader, "wal_checkpoint(PASSIVE)")

    def shrink(self) -> None:
        """Give back the memory in which the writer of an SQLite file holds pages."""
        if not self._one_connection:
            with self._write_lock:
                _pragma(self._writer, "shrink_memory")

    def close(self) -> None:
        """Close every connection."""
        self._writer.dispose()
        self._reader.dispose()

    def _prepare(self) -> bytes:
        """Make the tables, or bring them up to date; return the secret."""
        with self._changing_schema() as connection:
            tables.settings.create(connection, checkfirst=True)
            found = migrations.version(connection)
            if found is None:
                migrations.make(connection)
                found = migrations.SCHEMA_VERSION
                row = {"name": "secret", "value": secrets.token_hex(32)}
                connection.execute(insert(tables.settings), row)
        if found != migrations.SCHEMA_VERSION:
            self._migrate(found)
        with self.read() as connection:
            secret = select(tables.settings.c.value).where(tables.settings.c.name == "secret")
            return bytes.fromhex(connection.execute(secret).scalar_one())

    def _migrate(self, found: int) -> None:
        """Take the steps that are missing, after a copy of an SQLite file was put beside it."""
        name = self._writer.url.database  # and no more of the URL, which may hold a password
        try:
            migrations.check(found, name)
        except ConfigurationException:
            self.close()
            raise
        if self.dialect == "sqlite" and name:
            copy = Path(f"{name}.schema-{found}.backup")
            draft = copy.with_name(f"{copy.name}.{secrets.token_hex(4)}")
            self._copy(draft)
            draft.replace(copy)
        took_one = True
        while took_one:
            with self._changing_schema() as connection:
                took_one = migrations.take_step(connection)

    @contextlib.contextmanager
    def _changing_schema(self) -> Iterator[Connection]:
        """Open a transaction that no other process changes the schema beside."""
        with self.write() as connection:
            if self.dialect == "postgresql":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})"))
            yield connection

    def _copy(self, path: Path) -> None:
        with self._write_lock:
            connection = self._writer.raw_connection()
            try:
                connection.cursor().execute("VACUUM INTO ?", (str(path),))
            finally:
                connection.close()


def _pragma(engine: Engine, text: str) -> None:
    connection = engine.raw_connection()
    try:
        connection.cursor().execute(f"PRAGMA {text}").close()
    finally:
        connection.close()


def _sqlite(url: str, *, read_only: bool = False, **pool: Any) -> Engine:
    engine = create_engine(
        url,
        connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000},
        hide_parameters=True,
        json_serializer=_dump_document,
        json_deserializer=decode_json,
        **pool,
    )
    shared = pool.get("poolclass") is StaticPool

    def on_connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver's own BEGIN would come late and never be IMMEDIATE
        connection.create_function("contains_text", 2, _contains_text, deterministic=True)
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA secure_delete=ON")
        connection.execute("PRAGMA temp_store=MEMORY")
        if not shared:
            connection.execute(f"PRAGMA cache_size=-{READER_CACHE_KB if read_only else WRITER_CACHE_KB}")
        if read_only:
            connection.execute("PRAGMA query_only=ON")
        elif not shared:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)
    return engine


def _postgresql(url: str) -> Engine:
    address = url.split("://", 1)[1]
    return create_engine(
        f"postgresql+psycopg://{address}",
        pool_size=POSTGRESQL_POOL,
        max_overflow=POSTGRESQL_POOL,
        pool_pre_ping=True,
        hide_parameters=True,
        json_serializer=_dump_document,
        json_deserializer=decode_json,
    )


def _contains_text(text_: str | None, part: str) -> bool | None:
    """Search without regard to case beyond ASCII, as PostgreSQL's ILIKE does; *part* is in lower case."""
    return None if text_ is None else part in text_.lower()


def _dump_document(value: object) -> str:
    text_ = encode_json_str(value)
    return encode_json_str(_without_nul(value)) if "\\u0000" in text_ else text_


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    return value

"""Looking after a local server's database, also while servers use it: keys, imports, retention."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from agentsight_otel.exceptions import ConfigurationException, NotFoundException
from agentsight_otel.server.clock import iso, now_us
from agentsight_otel.server.imports.limits import MAX_FILE_BYTES
from agentsight_otel.server.store import Store, imports, managing
from agentsight_otel.server.store.engine import MEMORY
from agentsight_otel.server.store.keys import (
    Role,
    create_key,
    environment_ids,
    expire_key,
    list_keys,
    revoke_key,
)
from agentsight_otel.server.store.tables import agents

_HOUR_US = 3_600_000_000
_DAY_US = 24 * _HOUR_US


class KeyLine(NamedTuple):
    """What is known of a key; times are UTC to the minute.

    Attributes:
        id: Names it in other commands.
        prefix: Its first characters.
        role: ``read`` or ``write``.
        state: ``active``, ``expired`` or ``revoked``.
        expires: None for never.
        last_used: To the minute; None for never.
        name: What it is for.
    """

    id: int
    prefix: str
    role: str
    state: str
    expires: str | None
    last_used: str | None
    name: str


class Place:
    """A database and one agent in it."""

    def __init__(self, store: Store, agent: str | None) -> None:
        self.store = store
        self._agent = agent

    @property
    def agent_id(self) -> int:
        """The agent that was named, or the only one there is.

        Raises:
            ConfigurationException: There is none of that name, or several and none was named.
        """
        query = select(agents.c.id, agents.c.name).order_by(agents.c.id)
        with self.store.read() as connection:
            found = connection.execute(query).all()
        if self._agent is not None:
            found = [row for row in found if row.name == self._agent]
        if len(found) == 1:
            return int(found[0].id)
        what = "no agent of that name" if not found else "several agents"
        raise ConfigurationException(f"the database has {what}: name one", field="agent")

    def key_lines(self) -> list[KeyLine]:
        """Return the agent's keys, oldest first."""
        now = now_us()
        with self.store.read() as connection:
            rows = list_keys(connection, self.agent_id)
        lines = []
        for row in rows:
            expired = row["expires_at"] is not None and row["expires_at"] <= now
            state = "revoked" if row["revoked_at"] is not None else "expired" if expired else "active"
            times = (_minute(row["expires_at"]), _minute(row["last_used_at"]))
            lines.append(KeyLine(row["id"], row["prefix"], row["role"], state, *times, row["name"]))
        return lines

    def create_key(self, role: Role, name: str, days: float | None) -> str:
        """Make a key and return it; it is not kept, only its hash is."""
        expires_at = None if days is None else now_us() + int(days * _DAY_US)
        agent_id = self.agent_id
        with self.store.write() as connection:
            return create_key(connection, agent_id, role, name=name[:255], expires_at=expires_at)

    def rotate_key(self, key_id: int, overlap: float) -> str:
        """Make a key with the role and name of another, which ends after *overlap* hours; return the new one.

        Raises:
            NotFoundException: The agent has no such key, or it has ended.
        """
        agent_id = self.agent_id
        old = next((key for key in self.key_lines() if key.id == key_id and key.state == "active"), None)
        if old is None:
            raise NotFoundException(f"there is no active key {key_id}")
        with self.store.write() as connection:
            expire_key(connection, agent_id, key_id, now_us() + int(overlap * _HOUR_US))
            role: Role = "write" if old.role == "write" else "read"
            return create_key(connection, agent_id, role, name=old.name)

    def revoke_key(self, key_id: int) -> None:
        """End a key with the next request that brings it.

        Raises:
            NotFoundException: The agent has no such key.
        """
        agent_id = self.agent_id
        with self.store.write() as connection:
            if not revoke_key(connection, agent_id, key_id):
                raise NotFoundException(f"there is no key {key_id}")

    def import_file(
        self, path: Path, environment: str, progress: Callable[[int, int], None] | None
    ) -> imports.Imported:
        """Write all of a file, or nothing.

        Raises:
            ConfigurationException: The agent has no such environment, or the file is too large.
            OSError: The file cannot be read.
        """
        agent_id = self.agent_id
        with self.store.read() as connection:
            known = environment_ids(connection, agent_id)
        if environment not in known:
            raise ConfigurationException(
                "the agent has no such environment", field="environment", limit=", ".join(sorted(known))
            )
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ConfigurationException(f"the file is larger than {MAX_FILE_BYTES >> 20} MB", field="file")
        return imports.import_file(
            self.store,
            agent_id,
            path.read_bytes(),
            filename=path.name,
            environment=environment,
            progress=progress,
        )

    def undo_import(self, import_id: int) -> int:
        """Remove every conversation of an import for good; return how many.

        Raises:
            NotFoundException: There is none left.
        """
        removed = imports.undo_import(self.store, self.agent_id, import_id)
        if not removed:
            raise NotFoundException(f"there is nothing left of import {import_id}")
        return removed

    def back_up(self, path: Path) -> None:
        """Copy the database while it is in use, with its files beside the copy.

        Raises:
            ConfigurationException: The database is PostgreSQL, or the copy's place is taken or missing.
        """
        if path.exists():
            raise ConfigurationException(f"{path} exists already", field="file")
        if not path.resolve().parent.is_dir():
            raise ConfigurationException(f"the folder {path.resolve().parent} does not exist", field="file")
        self.store.back_up(path)

    def expire(self, days: float) -> int:
        """Remove conversations in which nothing happened for some days; return how many.

        Without a named agent, those of every agent.
        """
        agent_id = None if self._agent is None else self.agent_id
        return managing.expire(self.store, now_us() - int(days * _DAY_US), agent_id=agent_id)


@contextlib.contextmanager
def opened(db: str, agent: str | None = None) -> Iterator[Place]:
    """Open a database that exists, for as long as the block lasts.

    Args:
        db: An SQLite file or a ``postgresql://`` URL.
        agent: Name of an agent.

    Raises:
        ConfigurationException: There is no such file, or another version of this package made the database.
    """
    if db == MEMORY or not (_is_url(db) or Path(db).expanduser().is_file()):
        problem = f"there is no database {db}; `agentsight-otel serve` makes one"
        raise ConfigurationException(problem, field="db")
    store = open_store(db)
    try:
        yield Place(store, agent)
    finally:
        store.close()


def open_store(db: str) -> Store:
    """Open a database, or make it.

    Raises:
        ConfigurationException: It cannot be opened; no more of a URL is shown, for it may hold a password.
    """
    folder = Path(db).expanduser().resolve().parent
    if not (db == MEMORY or _is_url(db) or folder.is_dir()):
        # A mistyped path would begin a new database somewhere.
        raise ConfigurationException(f"the folder {folder} does not exist", field="db")
    try:
        return Store.open(db)
    except DBAPIError as error:
        kind = type(error.orig).__name__
        raise ConfigurationException(f"the database cannot be opened ({kind})", field="db") from None
    except ModuleNotFoundError as error:
        needed = f"{error.name} is missing; pip install 'agentsight-otel[postgres]'"
        raise ConfigurationException(needed, field="db") from None


def _is_url(db: str) -> bool:
    """Tell a URL from a path.

    Raises:
        ConfigurationException: The URL is of another kind of database; it is not shown.
    """
    if "://" in db and not db.startswith(("postgresql://", "postgres://", "postgresql+psycopg://")):
        raise ConfigurationException("the database is an SQLite file or a postgresql:// URL", field="db")
    return "://" in db


def _minute(moment: int | None) -> str | None:
    text = iso(moment)
    return None if text is None else text[:16].replace("T", " ")

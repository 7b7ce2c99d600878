"""Bringing the database of an earlier version up to date: ordered steps, each one transaction.

A step is named by the schema it leads to. It finds the tables as the step before left them, so it is plain
SQL and never changed; ``tables.py`` is what the last step leads to, and new databases are made from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection, insert, select, text, update

from agentsight_otel.exceptions import ConfigurationException
from agentsight_otel.server.store import derived, tables

SCHEMA_VERSION: Final = 4
"""Counts up whenever a table that exists already changes; the last of `STEPS`."""
_NAME: Final = "schema_version"


def make(connection: Connection) -> None:
    """Make every table in an empty database."""
    tables.metadata.create_all(connection)
    derived.make(connection)
    connection.execute(insert(tables.settings), {"name": _NAME, "value": str(SCHEMA_VERSION)})


def version(connection: Connection) -> int | None:
    """Return the database's schema; None when it is empty."""
    found = connection.scalar(select(tables.settings.c.value).where(tables.settings.c.name == _NAME))
    return None if found is None else int(found)


def check(found: int, database: str | None) -> None:
    """Refuse a schema that no step starts from.

    Args:
        found: The database's schema.
        database: Its name, for the message.

    Raises:
        ConfigurationException: It is newer than this version of the package, or too old.
    """
    if found + 1 in STEPS or found == SCHEMA_VERSION:
        return
    raise ConfigurationException(
        f"{database} has schema {found}; this version of agentsight-otel reads schemas {min(STEPS) - 1} to "
        f"{SCHEMA_VERSION}: open it with the version that made it, or choose another database",
        field="db",
        limit=f"schema {min(STEPS) - 1} to {SCHEMA_VERSION}",
    )


def take_step(connection: Connection) -> bool:
    """Take the next step within the caller's transaction; False when there is none to take."""
    number = (version(connection) or 0) + 1
    if number not in STEPS:
        return False
    STEPS[number](connection)
    s = tables.settings
    connection.execute(update(s).where(s.c.name == _NAME).values(value=str(number)))
    return True


def _to_3(connection: Connection) -> None:
    """Full-text indexes off the path of writes; hours of the metrics; indexes they and deletions need."""
    for statement in _OLD_SEARCH if connection.dialect.name == "sqlite" else ():
        connection.execute(text(statement))
    for name in ("messages_time", "spans_time", "dashboard_messages", "dashboard_conversations"):
        connection.execute(text(f"DROP INDEX IF EXISTS ix_{name}"))
    for name, place in _NEW_INDEXES.items():
        connection.execute(text(f"CREATE INDEX ix_{name} ON {place}"))
    derived.make(connection)


def _to_4(connection: Connection) -> None:
    """How far the newest time of a key's requests was from this machine's clock; hours being computed."""
    for name in _CLOCK_COLUMNS:
        connection.execute(text(f"ALTER TABLE api_keys ADD COLUMN {name} BIGINT DEFAULT 0 NOT NULL"))
    if connection.dialect.name == "sqlite":
        connection.execute(text(_TAKEN_HOURS))


_OLD_SEARCH: Final = [
    f"DROP {kind} IF EXISTS {table}_search{suffix}"
    for table in ("messages", "conversations")
    for kind, suffix in (("TRIGGER", "_add"), ("TRIGGER", "_remove"), ("TRIGGER", "_change"), ("TABLE", ""))
]
_NEW_INDEXES: Final = {
    "messages_facts": "messages (agent_id, timestamp, kind, sender, conversation, response_ms)",
    "spans_arrivals": "spans (agent_id, started_at, ended_at, received_at, status, turn_complete)",
    "conversations_waiting": "conversations (agent_id, environment_id, started_at)"
    " WHERE waiting_since IS NOT NULL",
    "action_logs_conversation": "action_logs (conversation, action)",
    "buttons_conversation": "buttons (conversation)",
}
_TAKEN_HOURS: Final = (
    "CREATE TABLE IF NOT EXISTS taken_hours (agent_id INTEGER NOT NULL, hour INTEGER NOT NULL,"
    " taken_at INTEGER NOT NULL, PRIMARY KEY (agent_id, hour)) WITHOUT ROWID"
)
_CLOCK_COLUMNS: Final = (
    "ahead_count",
    "prompt_count",
    "minutes_count",
    "hours_count",
    "days_count",
    "ahead_us",
    "ahead_max_us",
)

STEPS: Final[Mapping[int, Callable[[Connection], None]]] = MappingProxyType({3: _to_3, 4: _to_4})

"""What is computed from the tables and kept beside them: hours of the metrics, and full-text indexes.

SQLite's are in ``derived.sql``; the triggers that mark hours as stale are made here. PostgreSQL has trigram
indexes of its own for searching, and computes the metrics when they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from typing import Final

from sqlalchemy import Connection, column, table, text
from sqlalchemy.exc import DBAPIError

HOUR_US: Final = 3_600_000_000
KEY_BITS: Final = 32
"""The full-text index calls a message ``conversation << 32 | id``, so that it knows whose the message is."""

hours = table(
    "hours",
    column("agent_id"),
    column("environment_id"),
    column("kind"),
    column("hour"),
    column("document"),
)
stale_hours = table("stale_hours", column("agent_id"), column("hour"))
taken_hours = table("taken_hours", column("agent_id"), column("hour"), column("taken_at"))
search_marks = table("search_marks", column("name"), column("upto"))

_STALE: Final = """
CREATE TRIGGER stale_{name}_{event} AFTER {event} ON {name}
BEGIN
  INSERT OR IGNORE INTO stale_hours VALUES {hours};
END
"""
_STALE_START: Final = """
CREATE TRIGGER stale_start_{name}_{event} AFTER {event} ON {name}
BEGIN
  INSERT OR IGNORE INTO stale_hours
  SELECT agent_id, started_at / 3600000000 FROM conversations WHERE id IN ({keys});
END
"""
_HOUR: Final = "({row}.agent_id, {row}.{moment} / 3600000000)"
_SEEN: Final = (("insert", ("new",)), ("update", ("old", "new")), ("delete", ("old",)))
"""What a trigger sees of a row."""
_MOMENTS: Final = (
    ("messages", "timestamp"),
    ("token_usage", "started_at"),
    ("action_logs", "timestamp"),
    ("conversations", "started_at"),
)
"""Tables whose rows count in the hour of their own time."""
_BELONGINGS: Final = ("feedbacks", "action_logs")
"""Tables whose rows count in the hour in which their conversation started."""


def make(connection: Connection) -> None:
    """Make all of it; every hour in which something is stored is marked as stale."""
    if connection.dialect.name != "sqlite":
        _make_trigram_indexes(connection)
        return
    script = resources.files(__package__).joinpath("derived.sql").read_text("utf-8")
    for statement in (*script.split("\n\n"), *_triggers()):
        connection.exec_driver_sql(statement)


def _triggers() -> Iterator[str]:
    """Yield the triggers that mark an hour as stale when a row that counts in it is written."""
    for event, seen in _SEEN:
        for name, moment in _MOMENTS:
            marks = ", ".join(_HOUR.format(row=row, moment=moment) for row in seen)
            yield _STALE.format(name=name, event=event, hours=marks)
        keys = ", ".join(f"{row}.conversation" for row in seen)
        for name in _BELONGINGS:
            yield _STALE_START.format(name=name, event=event, keys=keys)


def _make_trigram_indexes(connection: Connection) -> None:
    """Make what ILIKE can use; where the extension may not be had, searching is slower and finds the same."""
    try:
        with connection.begin_nested():
            connection.execute(text("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
    except DBAPIError:
        return
    searched = ("messages (content", "conversations (name", "conversations (customer_id")
    for number, place in enumerate(searched):
        name = f"ix_search_{number}"
        connection.execute(text(f"CREATE INDEX {name} ON {place.replace('(', 'USING gin (')} gin_trgm_ops)"))

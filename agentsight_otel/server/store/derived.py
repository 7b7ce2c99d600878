"""What is computed from the tables and kept beside them: hours of the metrics, and full-text indexes.

SQLite's are in ``derived.sql``, with the triggers that keep them true. PostgreSQL has trigram indexes of its
own for searching, and computes the metrics when they are asked for.
"""

from __future__ import annotations

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


def make(connection: Connection) -> None:
    """Make all of it; every hour in which something is stored is marked as stale."""
    if connection.dialect.name != "sqlite":
        _make_trigram_indexes(connection)
        return
    script = resources.files(__package__).joinpath("derived.sql").read_text("utf-8")
    for statement in script.split("\n\n"):
        connection.exec_driver_sql(statement)


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

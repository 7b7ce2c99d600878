"""The few statements that SQLite and PostgreSQL spell differently."""

from __future__ import annotations

from sqlalchemy import Connection, Insert, Table
from sqlalchemy.dialects import postgresql, sqlite

MAX_ID = 2**63 - 1
"""The largest integer both engines hold."""


def insert_new(connection: Connection, table: Table) -> Insert:
    """Return an INSERT that leaves out rows a unique constraint already has."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()

"""The few statements that SQLite and PostgreSQL spell differently."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Insert, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

MAX_ID = 2**63 - 1
"""The largest integer both engines hold."""


def insert_new(connection: Connection, table: Table) -> Insert:
    """Return an INSERT that leaves out rows a unique constraint already has."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


class Bytewise(FunctionElement[str]):
    """A text to order by, without regard to the database's language: both engines give the same order."""

    inherit_cache = True


@compiles(Bytewise)
def _as_it_is(element: Bytewise, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


@compiles(Bytewise, "postgresql")
def _collated(element: Bytewise, compiler: Any, **options: Any) -> str:
    return f'({compiler.process(element.clauses, **options)}) COLLATE "C"'

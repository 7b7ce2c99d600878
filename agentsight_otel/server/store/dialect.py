"""The few statements that SQLite and PostgreSQL spell differently."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Dialect,
    Insert,
    Select,
    Table,
    bindparam,
    func,
    insert,
    select,
    tuple_,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from agentsight_otel.encoding import encode_json_str

MAX_ID = 2**63 - 1
"""The largest integer both engines hold."""


def insert_new(connection: Connection, table: Table) -> Insert:
    """Return an INSERT that leaves out rows a unique constraint already has."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


def insert_rows(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows that all have the same columns, in the same order; what they leave out gets its default.

    On SQLite, whose driver takes rows as they are, column by column: a third of the time.
    """
    if not rows:
        return
    if connection.dialect.name != "sqlite":
        connection.execute(insert(table), rows)
        return
    statement, processors, defaults = _plan(connection.dialect, table, tuple(rows[0]))
    columns = [
        values if process is None else [process(value) for value in values]
        for process, values in zip(processors, zip(*(row.values() for row in rows), strict=True), strict=True)
    ]
    columns += [[default] * len(rows) for default in defaults]
    connection.exec_driver_sql(statement, list(zip(*columns, strict=True)))


@functools.cache
def _plan(dialect: Dialect, table: Table, given: tuple[str, ...]) -> tuple[str, list[Any], list[Any]]:
    missing = [column for column in table.c if column.default is not None and column.name not in given]
    names = ", ".join(f'"{name}"' for name in (*given, *(column.name for column in missing)))
    marks = ", ".join("?" * (len(given) + len(missing)))
    processors = [table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in given]
    defaults = [getattr(column.default, "arg", None) for column in missing]
    return f"INSERT INTO {table.name} ({names}) VALUES ({marks})", processors, defaults  # noqa: S608 - our tables


def take_ids(connection: Connection, table: Table, count: int) -> range:
    """Return keys for new rows of a table whose keys are never used again; SQLite has one writer."""
    newest = "SELECT seq FROM sqlite_sequence WHERE name = ?"
    last = connection.exec_driver_sql(newest, (table.name,)).scalar() or 0
    return range(last + 1, last + 1 + count)


PAIRS = 500
"""Pairs in one query."""


def pairs_there(
    connection: Connection,
    owner: Column[int],
    key: Column[str],
    pairs: Sequence[tuple[int, str]],
    *also: ColumnElement[bool],
) -> Iterator[tuple[int, str]]:
    """Yield those pairs that some row has in two columns, on which there is an index.

    Args:
        connection: A transaction.
        owner: The first column.
        key: The second.
        pairs: What is looked for.
        also: Conditions, always the same objects: the query is kept.
    """
    as_list = connection.dialect.name == "postgresql"
    query = (_listed if as_list else _looked_up)(owner, key, *also)
    for start in range(0, len(pairs), PAIRS):
        part = pairs[start : start + PAIRS]
        for row in connection.execute(query, {"pairs": part if as_list else encode_json_str(part)}):
            yield row[0], row[1]


@functools.cache
def _listed(owner: Column[int], key: Column[str], *also: ColumnElement[bool]) -> Select[int, str]:
    return select(owner, key).where(tuple_(owner, key).in_(bindparam("pairs", expanding=True)), *also)


@functools.cache
def _looked_up(owner: Column[int], key: Column[str], *also: ColumnElement[bool]) -> Select[int, str]:
    """The query on SQLite, which looks a list of pairs up in the index only when it is a table."""
    pair = func.json_each(bindparam("pairs")).table_valued("value").c.value
    same = (owner == func.json_extract(pair, "$[0]")) & (key == func.json_extract(pair, "$[1]"))
    return select(owner, key).select_from(pair.table.join(owner.table, same)).where(*also)


class Bytewise(FunctionElement[str]):
    """A text to order by, without regard to the database's language: both engines give the same order."""

    inherit_cache = True


@compiles(Bytewise)
def _as_it_is(element: Bytewise, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


@compiles(Bytewise, "postgresql")
def _collated(element: Bytewise, compiler: Any, **options: Any) -> str:
    return f'({compiler.process(element.clauses, **options)}) COLLATE "C"'

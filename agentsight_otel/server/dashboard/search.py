"""Full-text search on SQLite: trigram indexes beside the tables, kept by triggers, find any substring fast.

They only narrow the search down; the conditions of the store still decide, so that the list is what the REST
routes say. Text an index cannot serve (shorter than three characters, not ASCII, or so common that walking
over the list is faster) is searched without.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, column, func, or_, select, table, text

from agentsight_otel.server.store.engine import Store
from agentsight_otel.server.store.filters import ConversationFilter, conditions, contains
from agentsight_otel.server.store.tables import conversations, messages

SHORTEST: Final = 3
COMMON: Final = 20_000
"""Hits from which on a text counts as common."""

_INDEXES: Final = {"messages": ("content",), "conversations": ("name", "conversation_id", "customer_id")}


def make_indexes(store: Store) -> None:
    """Make the indexes and their triggers where they are missing, and fill them from what is there."""
    if store.dialect != "sqlite":
        return
    with store.write() as connection:
        for name, columns in _INDEXES.items():
            query = text("SELECT 1 FROM sqlite_master WHERE name = :name")
            if connection.execute(query, {"name": f"{name}_search"}).scalar() is None:
                for statement in _statements(name, columns):
                    connection.exec_driver_sql(statement)


def _statements(name: str, columns: tuple[str, ...]) -> list[str]:
    index, listed = f"{name}_search", ", ".join(columns)
    new, old = (", ".join(f"{row}.{one}" for one in ("id", *columns)) for row in ("new", "old"))
    into = f"INTO {index}"
    add = f"INSERT {into}(rowid, {listed}) VALUES ({new});"  # noqa: S608 - names of our own, from _INDEXES
    remove = f"INSERT {into}({index}, rowid, {listed}) VALUES ('delete', {old});"  # noqa: S608 - as above
    options = f"content='{name}', content_rowid='id', tokenize='trigram'"
    return [
        f"CREATE VIRTUAL TABLE {index} USING fts5({listed}, {options})",
        f"CREATE TRIGGER {index}_add AFTER INSERT ON {name} BEGIN {add} END",
        f"CREATE TRIGGER {index}_remove AFTER DELETE ON {name} BEGIN {remove} END",
        f"CREATE TRIGGER {index}_change AFTER UPDATE OF {listed} ON {name} BEGIN {remove} {add} END",
        f"INSERT {into}({index}) VALUES ('rebuild')",  # noqa: S608 - as above
    ]


def narrowed(
    connection: Connection, agent: int, wanted: ConversationFilter, dialect: str
) -> list[ColumnElement[bool]]:
    """Return the conditions of a filter, its text searches answered by the indexes where they can."""
    if dialect != "sqlite":
        return conditions(agent, wanted, dialect)
    found: list[ColumnElement[bool]] = []
    rest = msgspec.structs.replace(wanted)
    if wanted.message_contains and _rare(connection, wanted.message_contains):
        found.append(conversations.c.id.in_(_said(wanted.message_contains)))
        rest.message_contains = None
    if wanted.search and _rare(connection, wanted.search):
        found.append(
            or_(conversations.c.id.in_(_said(wanted.search)), conversations.c.id.in_(_named(wanted.search)))
        )
        rest.search = None
    return conditions(agent, rest, dialect) + found


def _rare(connection: Connection, part: str) -> bool:
    if len(part) < SHORTEST or not part.isascii() or "\0" in part:
        return False
    counts = (
        select(func.count()).select_from(_hits(name, part).limit(COMMON).subquery()) for name in _INDEXES
    )
    return sum(connection.execute(count).scalar_one() for count in counts) < COMMON


def _hits(name: str, part: str) -> Select[Any]:
    index = table(f"{name}_search", column("rowid"), column(f"{name}_search"))
    phrase = '"' + part.replace('"', '""') + '"'
    return select(index.c.rowid).where(index.c[f"{name}_search"].op("MATCH")(phrase))


def _said(part: str) -> Select[Any]:
    m = messages.c
    return select(m.conversation).where(
        m.id.in_(_hits("messages", part)), contains(m.content, part, "sqlite")
    )


def _named(part: str) -> Select[Any]:
    c = conversations.c
    columns = (c.name, c.conversation_id, c.customer_id)
    match = or_(*(contains(one, part, "sqlite") for one in columns))
    return select(c.id).where(c.id.in_(_hits("conversations", part)), match)

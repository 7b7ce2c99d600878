"""Full-text search on SQLite: trigram indexes find any substring fast, and catch up with the tables.

They only narrow a search down: the conditions of the store still decide, so the list is what the REST routes
say. What the indexes do not have yet is looked through.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    column,
    func,
    insert,
    literal_column,
    or_,
    select,
    table,
    text,
    update,
)

from agentsight_otel.encoding import encode_json_str
from agentsight_otel.server.store.derived import KEY_BITS, search_marks
from agentsight_otel.server.store.filters import contains
from agentsight_otel.server.store.tables import conversations, messages

SHORTEST: Final = 3
"""Characters a text needs; the indexes are made of pieces of so many."""
PIECES: Final = 32
"""Pieces of a text that are looked up; every other one is enough."""
HITS: Final = 1_000
"""Newest hits that are looked at."""
BEHIND: Final = 50_000
"""Rows an index may lack for these to be looked through; if it lacks more, it is not used."""
FEW: Final = 500
"""Candidates up to which it is faster to look at each than to walk over the list."""

MERGED_PAGES: Final = 64
"""Pages that are written by one `merge`."""

_PROGRESS: Final = 2
"""Changes that SQLite counts at least when a merge had something to do."""

_SOURCES: Final = (messages, conversations)
_FILL: Final = {
    "messages": text(
        "INSERT INTO messages_search (rowid, content) SELECT (conversation << 32) | id, content FROM messages"
        " WHERE id > :after AND id <= :upto ORDER BY conversation, id"
    ),
    "conversations": text(
        "INSERT INTO conversations_search (rowid, name, conversation_id, customer_id)"
        " SELECT id, name, conversation_id, customer_id FROM conversations"
        " WHERE id > :after AND id <= :upto ORDER BY id"
    ),
}


class Candidates(NamedTuple):
    """Conversations that may have a text: these, and any whose key is lower than ``below``."""

    keys: list[int]
    below: int

    def condition(self, *, in_order: bool) -> ColumnElement[bool]:
        """Return the condition that a conversation is one of them.

        Args:
            in_order: Whether they are wanted in an order that has an index: many are faster found along it.
        """
        key: ColumnElement[int] = conversations.c.id
        if in_order and len(self.keys) > FEW:
            key = key + 0  # SQLite does not use the index on an expression
        listed = func.json_each(encode_json_str(self.keys)).table_valued("value")
        found: ColumnElement[bool] = key.in_(select(listed.c.value))
        return or_(found, key < self.below) if self.below else found


_found: WeakKeyDictionary[Connection, dict[tuple[str, bool], Candidates | None]] = WeakKeyDictionary()
"""What a transaction has found: a page asks for rows and for their number."""


def candidates(connection: Connection, part: str, *, names: bool) -> Candidates | None:
    """Return the conversations that may have a text, or None when the indexes cannot tell.

    Args:
        connection: A reading transaction on SQLite.
        part: The text.
        names: Whether names and ids of conversations are searched as well as what was said.
    """
    known = _found.setdefault(connection, {})
    if (part, names) not in known:
        known[part, names] = _candidates(connection, part, names=names)
    return known[part, names]


def _candidates(connection: Connection, part: str, *, names: bool) -> Candidates | None:
    if len(part) < SHORTEST or not part.isascii() or "\0" in part:
        return None
    m, c = messages.c, conversations.c
    marks = dict(connection.execute(select(search_marks.c.name, search_marks.c.upto)).all())
    newest = connection.scalar(select(func.max(m.id))) or 0
    if newest - marks["messages"] > BEHIND:
        return None
    hits = list(connection.scalars(_hits("messages", part, KEY_BITS)))
    below = hits[-1] if len(hits) == HITS else 0
    unread = select(m.conversation).where(m.id > marks["messages"], contains(m.content, part, "sqlite"))
    found = {*hits, *connection.scalars(unread)}
    if names:
        hits = list(connection.scalars(_hits("conversations", part, 0)))
        below = max(below, hits[-1] if len(hits) == HITS else 0)
        named = or_(*(contains(one, part, "sqlite") for one in (c.name, c.conversation_id, c.customer_id)))
        unread = select(c.id).where(c.id > marks["conversations"], named)
        found.update(hits, connection.scalars(unread))
    return Candidates(list(found), below)


def _hits(name: str, part: str, shift: int) -> Select[Any]:
    """The newest hits: keys of conversations, descending."""
    index = table(f"{name}_search", column("rowid"), column(f"{name}_search"))
    starts = (*range(0, len(part) - SHORTEST, 2), len(part) - SHORTEST)
    pieces = dict.fromkeys(part[start : start + SHORTEST] for start in starts)
    wanted = " AND ".join('"' + piece.replace('"', '""') + '"' for piece in list(pieces)[:PIECES])
    owner = index.c.rowid.op(">>")(literal_column(str(shift)))
    match = index.c[f"{name}_search"].op("MATCH")(wanted)
    return select(owner).where(match).order_by(index.c.rowid.desc()).limit(HITS)


def merge(connection: Connection) -> bool:
    """Merge pieces of the indexes, as many as is soon done; return whether there may be more to merge.

    A search opens every piece: over some hundred of them it takes fifty milliseconds longer.
    """
    driver: Any = connection.connection.dbapi_connection
    more = False
    for source in _SOURCES:
        index = table(f"{source.name}_search", column(f"{source.name}_search"), column("rank"))
        before = driver.total_changes
        connection.execute(insert(index).values(["merge", MERGED_PAGES]))
        more = more or driver.total_changes - before >= _PROGRESS
    return more


def is_behind(connection: Connection) -> bool:
    """Tell whether there are rows that the indexes do not have."""
    marks = dict(connection.execute(select(search_marks.c.name, search_marks.c.upto)).all())
    newest = ((source.name, connection.scalar(select(func.max(source.c.id)))) for source in _SOURCES)
    return any((last or 0) > marks[name] for name, last in newest)


def catch_up(connection: Connection, limit: int) -> int:
    """Take rows into the indexes that they do not have yet; return how many.

    Args:
        connection: A writing transaction on SQLite: rows and mark are written together, or not at all.
        limit: Most rows to take.
    """
    marks = dict(connection.execute(select(search_marks.c.name, search_marks.c.upto)).all())
    done = 0
    for source in _SOURCES:
        after = marks[source.name]
        part = select(source.c.id).where(source.c.id > after).order_by(source.c.id).limit(limit).subquery()
        upto, count = connection.execute(select(func.max(part.c.id), func.count())).one()
        if count:
            connection.execute(_FILL[source.name], {"after": after, "upto": upto})
            mine = search_marks.c.name == source.name
            connection.execute(update(search_marks).where(mine).values(upto=upto))
            done += count
    return done

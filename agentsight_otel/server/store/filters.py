"""Conditions on conversations, as the list of conversations, the analytics and the dashboard share them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import (
    Column,
    ColumnElement,
    and_,
    cast,
    exists,
    false,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB

from agentsight_otel.encoding import encode_json_str
from agentsight_otel.server.store.tables import buttons, conversations, feedbacks, messages, tickets

PathValue = tuple[tuple[str, ...], Any]
"""A path of keys into a document, and the JSON value that is there."""


class ConversationFilter(msgspec.Struct, kw_only=True):
    """Which conversations; None means no condition. Times are microseconds, ends included."""

    conversation_id: str | None = None
    customer_id: str | None = None
    customer_ip_address: str | None = None
    customer_id_contains: str | None = None
    name_contains: str | None = None
    device: str | None = None
    language: str | None = None
    source: str | None = None
    environment_id: int | None = None
    is_marked: bool | None = None
    has_messages: bool | None = None
    has_action: bool | None = None
    has_feedback: bool | None = None
    has_ticket: bool | None = None
    include_deleted: bool = False
    action_name: str | None = None
    feedback_sentiment: str | None = None
    feedback_source: str | None = None
    message_contains: str | None = None
    button_event: str | None = None
    search: str | None = None
    metadata: list[PathValue] = []
    started_after: int | None = None
    started_before: int | None = None


_EXACT = (
    "conversation_id",
    "customer_id",
    "customer_ip_address",
    "device",
    "language",
    "source",
    "environment_id",
    "is_marked",
)


def conditions(agent_id: int, wanted: ConversationFilter, dialect: str) -> list[ColumnElement[bool]]:
    """Return the conditions for a filter; the agent's is always the first."""
    c = conversations.c
    found = [c.agent_id == agent_id, *exactly(c, wanted, _EXACT)]
    if not wanted.include_deleted:
        found.append(c.deleted_at.is_(None))
    if wanted.customer_id_contains:
        found.append(contains(c.customer_id, wanted.customer_id_contains, dialect))
    if wanted.name_contains:
        found.append(contains(c.name, wanted.name_contains, dialect))
    found += between(c.started_at, wanted.started_after, wanted.started_before)
    if wanted.has_messages is not None:
        found.append(c.message_count > 0 if wanted.has_messages else c.message_count == 0)
    if wanted.has_action is not None:
        found.append(c.action_count > 0 if wanted.has_action else c.action_count == 0)
    found += [metadata_is(c.metadata, path, value, dialect) for path, value in wanted.metadata]
    return found + _related(wanted, dialect)


def _related(wanted: ConversationFilter, dialect: str) -> list[ColumnElement[bool]]:
    c, m, f = conversations.c, messages.c, feedbacks.c
    found: list[ColumnElement[bool]] = []
    voted = select(f.id).where(f.conversation == c.id)
    if wanted.has_feedback is not None:
        found.append(exists(voted) if wanted.has_feedback else ~exists(voted))
    if wanted.feedback_sentiment:
        found.append(exists(voted.where(f.sentiment == wanted.feedback_sentiment)))
    if wanted.feedback_source:
        found.append(exists(voted.where(f.source == wanted.feedback_source)))
    if wanted.has_ticket is not None:
        ticketed = exists(select(tickets.c.id).where(tickets.c.conversation == c.id))
        found.append(ticketed if wanted.has_ticket else ~ticketed)
    if wanted.button_event:
        clicked = select(buttons.c.id).where(buttons.c.conversation == c.id)
        found.append(exists(clicked.where(buttons.c.button_event == wanted.button_event)))
    said = select(m.id).where(m.conversation == c.id)
    if wanted.action_name:
        found.append(exists(said.where(contains(m.action_name, wanted.action_name, dialect))))
    if wanted.message_contains:
        found.append(exists(said.where(contains(m.content, wanted.message_contains, dialect))))
    if wanted.search:
        said = said.where(contains(m.content, wanted.search, dialect))
        columns = (c.name, c.conversation_id, c.customer_id)
        found.append(or_(*(contains(column, wanted.search, dialect) for column in columns), exists(said)))
    return found


def exactly(columns: Any, wanted: msgspec.Struct, names: Iterable[str]) -> list[ColumnElement[bool]]:
    """Return the conditions that columns have the values a filter names; None is no condition."""
    return [columns[name] == value for name in names if (value := getattr(wanted, name)) is not None]


def between(moment: Column[int], after: int | None, before: int | None) -> list[ColumnElement[bool]]:
    """Return the conditions that a time lies between two, both included; None is no condition."""
    found = [] if after is None else [moment >= after]
    return found if before is None else [*found, moment <= before]


def contains(column: Any, part: str, dialect: str) -> ColumnElement[bool]:
    """Return the condition that a text has *part* in it, without regard to case."""
    if dialect == "postgresql" or part.isascii():
        found: ColumnElement[bool] = column.icontains(part, autoescape=True)
        return found
    return func.contains_text(column, part.lower()).is_(True)


def metadata_is(column: Any, path: tuple[str, ...], value: Any, dialect: str) -> ColumnElement[bool]:
    """Return the condition that a document has exactly this JSON value at a path.

    A key may itself contain dots: the path is also tried as one key.
    """
    paths = [path] if len(path) == 1 else [path, (".".join(path),)]
    return or_(*(_has(column, keys, value, dialect) for keys in paths))


def _has(column: Any, path: tuple[str, ...], value: Any, dialect: str) -> ColumnElement[bool]:
    if dialect == "postgresql":
        return func.jsonb_extract_path(cast(column, JSONB), *path) == cast(
            literal(encode_json_str(value)), JSONB
        )
    if any('"' in key for key in path):
        return false()  # SQLite's JSON paths cannot name such a key
    place = "$" + "".join(f'."{key}"' for key in path)
    kind, there = func.json_type(column, place), func.json_extract(column, place)
    if value is None or isinstance(value, bool):
        return kind == encode_json_str(value)
    if isinstance(value, int | float):
        return and_(kind.in_(("integer", "real")), there == value)
    return and_(kind == "text", there == value)

"""Which metadata keys and values a recent sample of documents has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, select

from agentsight_otel.server.store.tables import conversations, messages

SAMPLE = 1000
"""Newest documents that are looked at."""
MAX_ENTRIES = 200


def conversation_documents(connection: Connection, agent_id: int) -> list[dict[str, Any]]:
    """Return the metadata of the newest conversations that have any."""
    c = conversations.c
    query = select(c.metadata).where(c.agent_id == agent_id, c.metadata.is_not(None), c.deleted_at.is_(None))
    return list(connection.scalars(query.order_by(c.id.desc()).limit(SAMPLE)))


def message_documents(connection: Connection, agent_id: int) -> list[dict[str, Any]]:
    """Return the metadata of the newest messages that have any."""
    m = messages.c
    query = select(m.metadata).where(m.agent_id == agent_id, m.metadata.is_not(None))
    return list(connection.scalars(query.order_by(m.id.desc()).limit(SAMPLE)))


def keys(documents: Iterable[dict[str, Any]]) -> list[str]:
    """Return the dot paths of all values, sorted."""
    found = {path for document in documents for path, _ in _leaves(document, "")}
    return sorted(found)[:MAX_ENTRIES]


def values(documents: Iterable[dict[str, Any]], key: str) -> list[Any]:
    """Return the distinct scalar values at a dot path, newest first."""
    found: dict[tuple[str, str], Any] = {}
    for document in documents:
        for path, value in _leaves(document, ""):
            if path == key and not isinstance(value, dict | list):
                found.setdefault((type(value).__name__, str(value)), value)
    return list(found.values())[:MAX_ENTRIES]


def _leaves(document: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in document.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value

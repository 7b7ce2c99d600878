"""Writing rows of a transcript, with the actions and clicks they stand for, and what follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, case, delete, func, insert, select, update

from agentsight_otel.enums import Sender
from agentsight_otel.server.clock import now_us
from agentsight_otel.server.rows import Entry
from agentsight_otel.server.store.conversations import Place, least, most
from agentsight_otel.server.store.dialect import insert_new
from agentsight_otel.server.store.response_time import recompute, response_times, waiting_since
from agentsight_otel.server.store.tables import action_logs, actions, buttons, conversations, messages

CHUNK = 500
"""Values in one IN list."""


def add_entries(connection: Connection, place: Place, entries: Sequence[Entry]) -> dict[str, int]:
    """Write transcript rows that are not there yet, in order of time.

    Returns:
        The new rows: event key → message id. Empty when there was no need to know.
    """
    entries = sorted(_unknown(connection, place, entries), key=lambda entry: entry.timestamp)
    if not entries:
        return {}
    said = [entry for entry in entries if entry.kind == "message"]
    appended = place.last_message_at is None or entries[0].timestamp > place.last_message_at
    answers = dict.fromkeys((entry.event_key for entry in said), None) | (
        _appended_times(connection, place, said) if appended else {}
    )
    rows = [_message_row(place, entry, answers.get(entry.event_key)) for entry in entries]
    ids = _insert_messages(connection, rows)
    _add_runs(connection, place, [(entry, ids[entry.event_key]) for entry in entries if entry.run])
    _add_clicks(connection, place, [(entry, ids[entry.event_key]) for entry in entries if entry.click])
    if said and not appended:
        recompute(connection, place.conversation, said[0].timestamp)
    _count(connection, place, entries)
    return ids


def remove_turns(connection: Connection, place: Place, turn_ids: Sequence[str]) -> None:
    """Take the rows of turns that turned out incomplete out of the transcript."""
    m = messages.c
    doomed = (m.conversation == place.conversation) & m.turn_id.in_(turn_ids)
    if connection.execute(delete(messages).where(doomed)).rowcount:
        recount(connection, place.conversation)


def recount(connection: Connection, conversation: int) -> None:
    """Set a conversation's message counts and first and last times from its rows."""
    m = messages.c

    def count(condition: Any) -> Any:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    row = (
        connection.execute(
            select(
                func.count().label("message_count"),
                count((m.kind == "message") & (m.sender == Sender.USER)).label("user_message_count"),
                count((m.kind == "message") & (m.sender == Sender.AGENT)).label("agent_message_count"),
                count(m.kind == "action").label("action_count"),
                count(m.kind == "button").label("button_count"),
                func.min(m.timestamp).label("first_message_at"),
                func.max(m.timestamp).label("last_message_at"),
            ).where(m.conversation == conversation)
        )
        .mappings()
        .one()
    )
    connection.execute(update(conversations).where(conversations.c.id == conversation).values(**row))


def action_ids(connection: Connection, agent_id: int, names: Sequence[str]) -> dict[str, int]:
    """Return the ids of an agent's actions by name; those it does not have yet are made."""
    wanted = sorted(set(names))
    found = _find_actions(connection, agent_id, wanted)
    missing = [name for name in wanted if name not in found]
    if missing:
        now = now_us()
        values = {"agent_id": agent_id, "description": "", "created_at": now}
        rows = [{**values, "name": name, "display_name": name} for name in missing]
        connection.execute(insert_new(connection, actions), rows)
        found |= _find_actions(connection, agent_id, missing)
    return found


def _find_actions(connection: Connection, agent_id: int, names: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for start in range(0, len(names), CHUNK):
        mine = (actions.c.agent_id == agent_id) & actions.c.name.in_(names[start : start + CHUNK])
        found |= dict(connection.execute(select(actions.c.name, actions.c.id).where(mine)).all())
    return found


def _unknown(connection: Connection, place: Place, entries: Sequence[Entry]) -> list[Entry]:
    by_key = {entry.event_key: entry for entry in reversed(entries)}
    if place.fresh:
        return list(reversed(by_key.values()))
    keys = list(by_key)
    for start in range(0, len(keys), CHUNK):
        m = messages.c
        mine = (m.conversation == place.conversation) & m.event_key.in_(keys[start : start + CHUNK])
        for key in connection.scalars(select(m.event_key).where(mine)):
            del by_key[key]
    return list(reversed(by_key.values()))


def _appended_times(connection: Connection, place: Place, said: list[Entry]) -> dict[str, float | None]:
    before = None if place.fresh else waiting_since(connection, place.conversation)
    times = response_times(((entry.timestamp, entry.sender) for entry in said), before)
    return {entry.event_key: value for entry, value in zip(said, times, strict=True)}


def _message_row(place: Place, entry: Entry, response_ms: float | None) -> dict[str, Any]:
    return {
        "agent_id": place.agent_id,
        "conversation": place.conversation,
        "event_key": entry.event_key,
        "kind": entry.kind,
        "timestamp": entry.timestamp,
        "sender": entry.sender,
        "content": entry.content,
        "action_name": entry.run.name if entry.run else None,
        "metadata": entry.metadata,
        "turn_id": entry.turn_id,
        "span_id": entry.span_id,
        "response_ms": response_ms,
        "received_at": now_us(),
    }


def _insert_messages(connection: Connection, rows: list[dict[str, Any]]) -> dict[str, int]:
    statement = insert(messages).returning(messages.c.event_key, messages.c.id)
    return dict(connection.execute(statement, rows).all())


def _add_runs(connection: Connection, place: Place, runs: list[tuple[Entry, int]]) -> None:
    if not runs:
        return
    ids = action_ids(connection, place.agent_id, [entry.run.name for entry, _ in runs if entry.run])
    rows = [
        {
            "agent_id": place.agent_id,
            "conversation": place.conversation,
            "action": ids[entry.run.name],
            "message": message,
            "timestamp": entry.timestamp,
            "started_at": entry.run.started_at,
            "ended_at": entry.run.ended_at,
            "duration_ms": entry.run.duration_ms,
            "tools_used": entry.run.tools_used,
            "response": entry.run.response,
            "error_message": entry.run.error_message,
            "metadata": entry.run.metadata,
        }
        for entry, message in runs
        if entry.run
    ]
    connection.execute(insert(action_logs), rows)


def _add_clicks(connection: Connection, place: Place, clicks: list[tuple[Entry, int]]) -> None:
    rows = [
        {
            "agent_id": place.agent_id,
            "conversation": place.conversation,
            "message": message,
            "timestamp": entry.timestamp,
            "button_event": entry.click.button_event,
            "label": entry.click.label,
            "value": entry.click.value,
            "metadata": entry.click.metadata,
        }
        for entry, message in clicks
        if entry.click
    ]
    if rows:
        connection.execute(insert(buttons), rows)


def _count(connection: Connection, place: Place, entries: list[Entry]) -> None:
    c = conversations.c
    said = [entry.sender for entry in entries if entry.kind == "message"]
    kinds = [entry.kind for entry in entries]
    first, last = entries[0].timestamp, entries[-1].timestamp
    connection.execute(
        update(conversations)
        .where(c.id == place.conversation)
        .values(
            message_count=c.message_count + len(entries),
            user_message_count=c.user_message_count + said.count(Sender.USER),
            agent_message_count=c.agent_message_count + said.count(Sender.AGENT),
            action_count=c.action_count + kinds.count("action"),
            button_count=c.button_count + kinds.count("button"),
            first_message_at=least(c.first_message_at, first),
            last_message_at=most(c.last_message_at, last),
        )
    )

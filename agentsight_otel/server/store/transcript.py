"""Writing rows of transcripts, with the actions and clicks they stand for, and what follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, case, delete, func, insert, select

from agentsight_otel.enums import Sender
from agentsight_otel.server.clock import now_us
from agentsight_otel.server.rows import Entry
from agentsight_otel.server.store.dialect import insert_new, insert_rows, pairs_there, take_ids
from agentsight_otel.server.store.places import CHUNK, Place
from agentsight_otel.server.store.response_time import recompute, response_times
from agentsight_otel.server.store.tables import action_logs, actions, buttons, messages
from agentsight_otel.server.store.texts import storable

Placed = tuple[Place, Entry]
EntryKey = tuple[int, str]
"""Conversation and event key."""

_m, _a = messages.c, actions.c
_FIND_ACTIONS = select(_a.name, _a.id).where(
    _a.agent_id == bindparam("agent"), _a.name.in_(bindparam("names", expanding=True))
)


def add_entries(
    connection: Connection, placed: Sequence[tuple[Place, Sequence[Entry]]]
) -> dict[EntryKey, int]:
    """Write transcript rows that are not there yet; each place gets one item.

    Returns:
        The new rows' message ids. They are left out when nothing hangs off any of them.
    """
    rows: list[dict[str, Any]] = []
    new: list[Placed] = []
    late: list[tuple[Place, int]] = []
    now = now_us()
    for place, unknown in _unknown(connection, placed):
        fresh = sorted(unknown, key=lambda entry: entry.timestamp)
        if not fresh:
            continue
        said = [entry for entry in fresh if entry.kind == "message"]
        answers: dict[str, float | None] = {}
        if place.last_message_at is None or fresh[0].timestamp > place.last_message_at:
            times, place.waiting_since = response_times(
                ((entry.timestamp, entry.sender) for entry in said), place.waiting_since
            )
            answers = {entry.event_key: value for entry, value in zip(said, times, strict=True)}
        elif said:
            late.append((place, said[0].timestamp))
        rows += [_message_row(place, entry, answers.get(entry.event_key), now) for entry in fresh]
        new += [(place, entry) for entry in fresh]
        _count(place, fresh)
    ids = _insert(connection, rows, new)
    for place, since in late:
        recompute(connection, place, since)
    return ids


def remove_turns(connection: Connection, place: Place, turn_ids: Sequence[str]) -> None:
    """Take the rows of turns that turned out incomplete out of the transcript."""
    doomed = (_m.conversation == place.conversation) & _m.turn_id.in_(turn_ids)
    if connection.execute(delete(messages).where(doomed)).rowcount:
        _recount(connection, place)


def _recount(connection: Connection, place: Place) -> None:
    def count(condition: Any) -> Any:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    said = _m.kind == "message"
    query = select(
        func.count().label("message_count"),
        count(said & (_m.sender == Sender.USER)).label("user_message_count"),
        count(said & (_m.sender == Sender.AGENT)).label("agent_message_count"),
        count(_m.kind == "action").label("action_count"),
        count(_m.kind == "button").label("button_count"),
        func.min(_m.timestamp).label("first_message_at"),
        func.max(_m.timestamp).label("last_message_at"),
    )
    row = connection.execute(query.where(_m.conversation == place.conversation)).mappings().one()
    for name, value in row.items():
        setattr(place, str(name), value)


def ensure_actions(connection: Connection, agent_id: int, names: Sequence[str]) -> dict[str, int]:
    """Return the ids of an agent's actions by name; those it does not have yet are made."""
    stored = {name: storable(name) for name in names}
    wanted = sorted(set(stored.values()))
    found = _find_actions(connection, agent_id, wanted)
    missing = [name for name in wanted if name not in found]
    if missing:
        values = {"agent_id": agent_id, "description": "", "created_at": now_us()}
        rows = [{**values, "name": name, "display_name": name} for name in missing]
        connection.execute(insert_new(connection, actions), rows)
        found |= _find_actions(connection, agent_id, missing)
    return {name: found[stored_name] for name, stored_name in stored.items()}


def _find_actions(connection: Connection, agent_id: int, names: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for start in range(0, len(names), CHUNK):
        part = {"agent": agent_id, "names": names[start : start + CHUNK]}
        found |= dict(connection.execute(_FIND_ACTIONS, part).all())
    return found


def _unknown(
    connection: Connection, placed: Sequence[tuple[Place, Sequence[Entry]]]
) -> list[tuple[Place, list[Entry]]]:
    found = [(place, {entry.event_key: entry for entry in reversed(entries)}) for place, entries in placed]
    by_key = {place.conversation: entries for place, entries in found if not place.fresh}
    pairs = [(key, event_key) for key, entries in by_key.items() for event_key in entries]
    for key, event_key in pairs_there(connection, _m.conversation, _m.event_key, pairs):
        del by_key[key][event_key]
    return [(place, list(reversed(entries.values()))) for place, entries in found]


def _message_row(place: Place, entry: Entry, response_ms: float | None, now: int) -> dict[str, Any]:
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
        "received_at": now,
    }


def _insert(connection: Connection, rows: list[dict[str, Any]], new: list[Placed]) -> dict[EntryKey, int]:
    if not rows:
        return {}
    if not any(entry.run or entry.click or entry.kind == "attachment" for _, entry in new):
        insert_rows(connection, messages, rows)
        return {}
    ids = _insert_with_ids(connection, rows)
    _add_runs(connection, new, ids)
    _add_clicks(connection, new, ids)
    return ids


def _insert_with_ids(connection: Connection, rows: list[dict[str, Any]]) -> dict[EntryKey, int]:
    if connection.dialect.name != "sqlite":
        made = connection.execute(insert(messages).returning(_m.conversation, _m.event_key, _m.id), rows)
        return {(row.conversation, row.event_key): row.id for row in made}
    keys = take_ids(connection, messages, len(rows))
    insert_rows(connection, messages, [{"id": key, **row} for key, row in zip(keys, rows, strict=True)])
    return {(row["conversation"], row["event_key"]): key for key, row in zip(keys, rows, strict=True)}


def _add_runs(connection: Connection, new: list[Placed], ids: dict[EntryKey, int]) -> None:
    runs = [(place, entry, entry.run) for place, entry in new if entry.run]
    if not runs:
        return
    actions_ = ensure_actions(connection, runs[0][0].agent_id, [run.name for _, _, run in runs])
    rows = [
        {
            "agent_id": place.agent_id,
            "conversation": place.conversation,
            "action": actions_[run.name],
            "message": ids[place.conversation, entry.event_key],
            "timestamp": entry.timestamp,
            "started_at": run.started_at,
            "ended_at": run.ended_at,
            "duration_ms": run.duration_ms,
            "tools_used": run.tools_used,
            "response": run.response,
            "error_message": run.error_message,
            "metadata": run.metadata,
        }
        for place, entry, run in runs
    ]
    insert_rows(connection, action_logs, rows)


def _add_clicks(connection: Connection, new: list[Placed], ids: dict[EntryKey, int]) -> None:
    rows = [
        {
            "agent_id": place.agent_id,
            "conversation": place.conversation,
            "message": ids[place.conversation, entry.event_key],
            "timestamp": entry.timestamp,
            "button_event": entry.click.button_event,
            "label": entry.click.label,
            "value": entry.click.value,
            "metadata": entry.click.metadata,
        }
        for place, entry in new
        if entry.click
    ]
    insert_rows(connection, buttons, rows)


def _count(place: Place, entries: list[Entry]) -> None:
    senders = [entry.sender for entry in entries if entry.kind == "message"]
    kinds = [entry.kind for entry in entries]
    first, last = entries[0].timestamp, entries[-1].timestamp
    place.message_count += len(entries)
    place.user_message_count += senders.count(Sender.USER)
    place.agent_message_count += senders.count(Sender.AGENT)
    place.action_count += kinds.count("action")
    place.button_count += kinds.count("button")
    place.first_message_at = first if place.first_message_at is None else min(place.first_message_at, first)
    place.last_message_at = last if place.last_message_at is None else max(place.last_message_at, last)

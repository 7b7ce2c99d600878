"""Definitions of actions, and clicks on buttons."""

from __future__ import annotations

from typing import Any

from agentsight_otel.server.api import params, shapes
from agentsight_otel.server.api.conversations import key
from agentsight_otel.server.api.http import Answer, ApiError, Call, bad_field, not_found
from agentsight_otel.server.clock import iso
from agentsight_otel.server.store import actions, legacy
from agentsight_otel.server.store.details import Row

MAX_RUNS = 1000
"""Runs of an action that are returned, newest first."""


def list_actions(call: Call) -> Answer:
    """Return a page of definitions."""
    query = call.query
    ordering = params.ordering(query, actions.ORDERINGS, "name")
    where = actions.conditions(
        call.agent_id,
        call.store.dialect,
        name=query.get("name"),
        name_contains=query.get("name__icontains"),
        display_name=query.get("display_name"),
        search=query.get("search"),
    )
    with call.store.read() as connection:

        def rows(offset: int, limit: int | None) -> list[dict[str, Any]]:
            return [shape(row) for row in actions.page(connection, where, ordering, offset, limit)]

        return Answer(params.paginate(call, actions.count(connection, where), rows))


def shape(row: Row) -> dict[str, Any]:
    """Return a definition as the contract shows it."""
    names = {"id": "id", "name": "name", "display_name": "display_name", "description": "description"}
    return {name: row[column] for name, column in names.items()} | {"agent": row["agent_id"]}


def get_action(call: Call) -> Answer:
    """Return one definition."""
    with call.store.read() as connection:
        row = actions.one(connection, call.agent_id, key(call))
    if row is None:
        raise not_found()
    return Answer(shape(row))


def create_action(call: Call) -> Answer:
    """Declare an action before its first run."""
    document = call.document()
    name = params.text_field(document, "name", required=True, blank=False) or ""
    values = {
        "name": name,
        "display_name": params.text_field(document, "display_name") or name,
        "description": params.text_field(document, "description", limit=None) or "",
    }
    with call.store.write() as connection:
        made = actions.add(connection, call.agent_id, values)
        if made is None:
            raise _taken(name)
        row = actions.one(connection, call.agent_id, made)
    if row is None:
        raise not_found()
    return Answer(shape(row), 201)


def update_action(call: Call) -> Answer:
    """Change a definition's name, label or description."""
    document = call.document()
    values: dict[str, Any] = {}
    for field in ("name", "display_name", "description"):
        if document.get(field) is not None:
            limit = None if field == "description" else 255
            values[field] = params.text_field(document, field, limit=limit, blank=field != "name")
    with call.store.write() as connection:
        if actions.one(connection, call.agent_id, key(call)) is None:
            raise not_found()
        if "name" in values and actions.name_taken(connection, call.agent_id, values["name"], key(call)):
            raise _taken(values["name"])
        if values:
            actions.change(connection, call.agent_id, key(call), values)
    return get_action(call)


def _taken(name: str) -> ApiError:
    return bad_field("name", f'An action named "{name}" already exists for this agent.')


def action_runs(call: Call) -> Answer:
    """Return the newest runs of an action as a bare list."""
    with call.store.read() as connection:
        if actions.one(connection, call.agent_id, key(call)) is None:
            raise not_found()
        rows = actions.runs(connection, call.agent_id, key(call), MAX_RUNS)
    return Answer([shapes.action_log(row) for row in rows])


def list_buttons(call: Call) -> Answer:
    """Return a page of clicks, newest first."""
    event = call.query.get("event") or call.query.get("button_event")
    with call.store.read() as connection:
        where = legacy.clicks(call.agent_id, event)

        def rows(offset: int, limit: int | None) -> list[dict[str, Any]]:
            found = legacy.CLICKS.page(connection, where, [("timestamp", True)], offset, limit)
            extra = ("conversation", "message")
            return [
                shapes.button(row)
                | {name: row[name] for name in extra}
                | {"timestamp": iso(row["timestamp"])}
                for row in found
            ]

        return Answer(params.paginate(call, legacy.CLICKS.count(connection, where), rows))


def button_stats(call: Call) -> Answer:
    """Return how often each button was clicked, as a bare list."""
    with call.store.read() as connection:
        return Answer(legacy.button_stats(connection, call.agent_id, call.query.get("event")))

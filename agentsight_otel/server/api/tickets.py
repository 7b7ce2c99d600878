"""Tickets and their threads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from agentsight_otel.server.api import params, shapes
from agentsight_otel.server.api.conversations import key
from agentsight_otel.server.api.http import Answer, Call, bad_field, not_found
from agentsight_otel.server.store import details, feedbacks, tickets
from agentsight_otel.server.store.conversations import find
from agentsight_otel.server.store.details import Row
from agentsight_otel.server.store.keys import environment_ids
from agentsight_otel.server.store.tickets import TicketFilter

STATUSES = ("backlog", "open", "in_progress", "in_review", "done", "closed")
PRIORITIES = ("low", "medium", "high")
MAX_TAGS = 50


def list_tickets(call: Call) -> Answer:
    """Return a page of tickets, newest first."""
    query = call.query
    ordering = params.ordering(query, tickets.ORDERINGS, "-created_at")
    wanted = TicketFilter(
        status=[params.checked_choice("status", status, STATUSES) for status in query.getlist("status")],
        priority=params.choice(query, "priority", PRIORITIES),
        conversation=params.integer(query, "conversation"),
        conversation_id=query.get("conversation_id") or None,
        has_conversation=params.flag(query, "has_conversation"),
        has_feedback=params.flag(query, "has_feedback"),
        tags=[tag.strip() for tag in query.get("tags", "").split(",") if tag.strip()][:MAX_TAGS],
        search=query.get("search") or None,
        created_after=params.moment(query, "created_at_after"),
        created_before=params.moment(query, "created_at_before"),
        updated_after=params.moment(query, "updated_at_after"),
        updated_before=params.moment(query, "updated_at_before"),
    )
    where = tickets.conditions(call.agent_id, wanted, call.store.dialect)
    with call.store.read() as connection:

        def rows(offset: int, limit: int | None) -> list[dict[str, Any]]:
            return _shapes(call, connection, tickets.page(connection, where, ordering, offset, limit))

        return Answer(params.paginate(call, tickets.count(connection, where), rows))


def full_tickets(call: Call, connection: Connection, *, feedback: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Return the newest ticket made from each of some feedback."""
    if not feedback:
        return {}
    where = tickets.conditions(call.agent_id, TicketFilter(feedback=feedback), call.store.dialect)
    rows = tickets.page(connection, where, [("id", False)])
    shaped = _shapes(call, connection, rows)
    return {row["feedback"]: shape for row, shape in zip(rows, shaped, strict=True)}


def get_ticket(call: Call) -> Answer:
    """Return one ticket with its thread."""
    with call.store.read() as connection:
        return Answer(_one(call, connection, key(call)))


def _one(call: Call, connection: Connection, ticket: int) -> dict[str, Any]:
    row = tickets.one(connection, call.agent_id, ticket)
    if row is None:
        raise not_found()
    return _shapes(call, connection, [row])[0]


def _shapes(call: Call, connection: Connection, rows: Sequence[Row]) -> list[dict[str, Any]]:
    threads = details.ticket_comments(connection, call.agent_id, [row["id"] for row in rows])
    result = []
    for row in rows:
        shape = shapes.ticket(row, threads.get(row["id"], []))
        shape["conversation"] = None
        if row["conversation"] is not None:
            names = {"id": "conversation", "conversation_id": "conversation_id", "name": "conversation_name"}
            shape["conversation"] = {name: row[column] for name, column in names.items()}
        about = None if row["feedback"] is None else feedbacks.one(connection, call.agent_id, row["feedback"])
        shape["feedback"] = None if about is None else shapes.feedback(about, about["conversation_id"])
        result.append(shape)
    return result


def create_ticket(call: Call) -> Answer:
    """Open a ticket, by itself or about a conversation or feedback."""
    document = call.document()
    title = params.text_field(document, "title", required=True, blank=False)
    values: dict[str, Any] = {
        "title": title,
        "status": "open",
        "priority": None,
        "tags": [],
        "author": _author(call),
    }
    values |= _values(document)
    with call.store.write() as connection:
        values |= _subject(call, connection, document)
        known = environment_ids(connection, call.agent_id)
        values["environment_id"] = params.environment_field(document, known)
        made = tickets.add(connection, call.agent_id, values)
        return Answer(_one(call, connection, made), 201)


def _author(call: Call) -> str:
    return call.principal.key_name or call.principal.agent_name


def _subject(call: Call, connection: Connection, document: dict[str, Any]) -> dict[str, Any]:
    subject: dict[str, Any] = {}
    feedback = params.key_field(document, "feedback_id")
    if feedback is not None:
        row = feedbacks.one(connection, call.agent_id, feedback)
        if row is None:
            raise bad_field("feedback_id", f'Invalid pk "{feedback}" - object does not exist.')
        subject = {"feedback": feedback, "conversation": row["conversation"]}
    conversation = params.key_field(document, "conversation_id")
    if conversation is not None:
        if find(connection, call.agent_id, conversation) is None:
            raise bad_field("conversation_id", f'Invalid pk "{conversation}" - object does not exist.')
        subject["conversation"] = conversation
    return subject


def _values(document: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if document.get("title") is not None:
        values["title"] = params.text_field(document, "title", blank=False)
    if document.get("status") is not None:
        values["status"] = params.checked_choice("status", document["status"], STATUSES)
    if "priority" in document:
        priority = document["priority"]
        none = priority is None or priority == ""
        values["priority"] = None if none else params.checked_choice("priority", priority, PRIORITIES)
    if document.get("tags") is not None:
        tags = document["tags"]
        if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
            raise bad_field("tags", "Expected a list of texts.")
        if len(tags) > MAX_TAGS or any(len(tag) > 255 for tag in tags):
            raise bad_field("tags", f"At most {MAX_TAGS} tags of 255 characters.")
        values["tags"] = tags
    return values


def update_ticket(call: Call) -> Answer:
    """Change a ticket's title, status, priority or tags."""
    values = _values(call.document())
    with call.store.write() as connection:
        if not tickets.change(connection, call.agent_id, key(call), values):
            raise not_found()
        return Answer(_one(call, connection, key(call)))


def delete_ticket(call: Call) -> Answer:
    """Delete a ticket and its thread."""
    with call.store.write() as connection:
        if not tickets.remove(connection, call.agent_id, key(call)):
            raise not_found()
    return Answer(None, 204)


def list_comments(call: Call) -> Answer:
    """Return a ticket's thread, oldest first."""
    with call.store.read() as connection:
        if tickets.one(connection, call.agent_id, key(call)) is None:
            raise not_found()
        thread = details.ticket_comments(connection, call.agent_id, [key(call)]).get(key(call), [])
        comments = [shapes.comment(row) for row in thread]

    def rows(offset: int, limit: int | None) -> list[dict[str, Any]]:
        return comments[offset : None if limit is None else offset + limit]

    return Answer(params.paginate(call, len(comments), rows))


def create_comment(call: Call) -> Answer:
    """Add to a ticket's thread."""
    body = params.text_field(call.document(), "body", limit=20_000, required=True, blank=False) or ""
    with call.store.write() as connection:
        if tickets.one(connection, call.agent_id, key(call)) is None:
            raise not_found()
        made = tickets.add_comment(connection, call.agent_id, key(call), _author(call), body)
        return Answer(shapes.comment(made), 201)

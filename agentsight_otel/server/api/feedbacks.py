"""Feedback: the current routes, and the one of the 0.0.x SDKs."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import ColumnElement, Connection, false

from agentsight_otel.enums import Sentiment
from agentsight_otel.server.api import params, shapes, target
from agentsight_otel.server.api.conversations import key
from agentsight_otel.server.api.http import Answer, ApiError, Call, bad_field, not_found
from agentsight_otel.server.api.tickets import STATUSES, full_tickets
from agentsight_otel.server.clock import iso
from agentsight_otel.server.store import details, feedbacks
from agentsight_otel.server.store.conversations import find, find_by_string
from agentsight_otel.server.store.feedbacks import FeedbackFilter
from agentsight_otel.server.store.keys import environment_ids

MAX_COMMENT = 5000
KINDS = ("conversation", "agent", "message")
_SLUG = re.compile(r"[A-Za-z0-9_-]{1,50}")
_TEXT_FILTERS = ("conversation_id", "topic", "reason", "category", "comment_contains", "search")


def _filter(call: Call, environments: dict[str, int]) -> FeedbackFilter:
    query = call.query
    with_ticket = params.flag(query, "include_tickets", strict=True) is True
    statuses = query.getlist("ticket_status")
    has_ticket = params.flag(query, "has_ticket")
    if not with_ticket and (statuses or has_ticket is not None):
        field = "ticket_status" if statuses else "has_ticket"
        raise bad_field(field, "Only with include_tickets=true.")
    texts: dict[str, Any] = {name: query.get(name) or None for name in _TEXT_FILTERS}
    return FeedbackFilter(
        **texts,
        kind=_kind_filter(call),
        sentiment=params.choice(query, "sentiment", Sentiment),
        conversation=params.integer(query, "conversation"),
        message=params.integer(query, "message"),
        environment_id=params.environment(query, environments, "env", "environment"),
        has_comment=params.flag(query, "has_comment"),
        created_after=params.moment(query, "created_at_after"),
        created_before=params.moment(query, "created_at_before"),
        with_ticket=with_ticket,
        has_ticket=has_ticket,
        ticket_status=[params.checked_choice("ticket_status", status, STATUSES) for status in statuses],
    )


def _by_whom(call: Call) -> list[ColumnElement[bool]]:
    """Return the conditions on who gave it: a key has one agent, and feedback given with it no user."""
    agent = params.integer(call.query, "agent")
    user = params.integer(call.query, "user")
    return [false()] if agent not in {None, call.agent_id} or user is not None else []


def _kind_filter(call: Call) -> str | None:
    if call.query.get("kind") == "product":
        raise ApiError(403, {"detail": "You do not have permission to perform this action."})
    return params.choice(call.query, "kind", KINDS)


def list_feedbacks(call: Call) -> Answer:
    """Return a page of feedback, newest first, with counts."""
    ordering = params.ordering(call.query, feedbacks.ORDERINGS, "-created_at")
    with call.store.read() as connection:
        wanted = _filter(call, environment_ids(connection, call.agent_id))
        base = [*feedbacks.conditions(call.agent_id, wanted, call.store.dialect), *_by_whom(call)]
        where = feedbacks.with_status(base, wanted.ticket_status)

        def rows(offset: int, limit: int | None) -> list[dict[str, Any]]:
            found = feedbacks.page(connection, where, ordering, offset, limit)
            result = [shapes.feedback(row, row["conversation_id"]) for row in found]
            if wanted.with_ticket:
                tickets = full_tickets(call, connection, feedback=[row["id"] for row in found])
                for shape in result:
                    shape["ticket"] = tickets.get(shape["id"])
            return result

        body = params.paginate(call, feedbacks.count(connection, where), rows)
        if isinstance(body, dict):
            body["counts"] = _counts(connection, base, with_ticket=wanted.with_ticket)
    return Answer(body)


def _counts(connection: Connection, where: list[Any], *, with_ticket: bool) -> dict[str, int]:
    counts = {"all": feedbacks.count(connection, where)}
    if with_ticket:
        tally = feedbacks.tally(connection, where)
        counts["tickets"] = sum(tally.values())
        counts["open_tickets"] = counts["tickets"] - tally.get("closed", 0) - tally.get("done", 0)
        counts |= {status: tally.get(status, 0) for status in STATUSES}
    return counts


def get_feedback(call: Call) -> Answer:
    """Return one row with the ticket made from it."""
    with call.store.read() as connection:
        return Answer(_shape(call, connection, key(call)))


def _shape(call: Call, connection: Connection, feedback: int) -> dict[str, Any]:
    row = feedbacks.one(connection, call.agent_id, feedback)
    if row is None:
        raise not_found()
    shape = shapes.feedback(row, row["conversation_id"])
    shape["ticket"] = full_tickets(call, connection, feedback=[feedback]).get(feedback)
    return shape


def create_feedback(call: Call) -> Answer:
    """Record feedback; a second vote on the same message changes the first."""
    document = call.document()
    kind = document.get("kind")
    if kind == "product":
        raise ApiError(403, {"detail": "You do not have permission to perform this action."})
    if kind is None:
        raise bad_field("kind", "This field is required.")
    kind = params.checked_choice("kind", kind, KINDS)
    values = _values(document, kind)
    if "sentiment" not in values:
        raise bad_field("sentiment", "This field is required.")
    with call.store.write() as connection:
        values |= {"kind": kind} | _subject(call, connection, document, kind)
        known = (
            feedbacks.vote_on(connection, call.agent_id, values["message"]) if "message" in values else None
        )
        if known is not None:
            feedbacks.change(connection, call.agent_id, known, _values(document, kind))
            return Answer(_shape(call, connection, known), 200)
        made = feedbacks.add(connection, call.agent_id, values)
        return Answer(_shape(call, connection, made), 201)


def _values(document: dict[str, Any], kind: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if document.get("sentiment") is not None:
        values["sentiment"] = params.checked_choice("sentiment", document["sentiment"], Sentiment)
    if "comment" in document:
        values["comment"] = params.text_field(document, "comment", limit=MAX_COMMENT) or ""
    for name in ("topic", "reason"):
        if name in document and kind != "message":
            raise bad_field(name, "Only for message feedback.")
        if name in document:
            slug = params.text_field(document, name, limit=50)
            if slug and not _SLUG.fullmatch(slug):
                raise bad_field(name, "Enter a valid slug of letters, numbers, underscores or hyphens.")
            values[name] = slug or None
    return values


def _subject(call: Call, connection: Connection, document: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return the columns that say what feedback is about."""
    if kind == "agent":
        agent = params.key_field(document, "agent")
        if agent != call.agent_id:
            text = "This field is required." if agent is None else "Not the agent of this key."
            raise bad_field("agent", text)
        return {
            "environment_id": params.environment_field(document, environment_ids(connection, call.agent_id))
        }
    if document.get("environment") is not None:
        raise bad_field("environment", f"Derived from the {kind}.")
    if kind == "message":
        message = params.key_field(document, "message")
        if message is None:
            raise bad_field("message", "This field is required.")
        found = details.one_message(connection, call.agent_id, message)
        if found is None:
            raise bad_field("message", f'Invalid pk "{message}" - object does not exist.')
        owner = find(connection, call.agent_id, found[0]["conversation"])
        subject = {"message": message}
    else:
        owner = _conversation(call, connection, document)
        subject = {}
    if owner is None:
        raise not_found("Conversation not found.")
    return subject | {"conversation": owner["id"], "environment_id": owner["environment_id"]}


def _conversation(call: Call, connection: Connection, document: dict[str, Any]) -> Any:
    conversation = params.key_field(document, "conversation")
    if conversation is not None:
        return find(connection, call.agent_id, conversation)
    name = params.text_field(document, "conversation_id")
    if not name:
        raise bad_field("conversation_id", "This field is required.")
    return find_by_string(connection, call.agent_id, name)


def update_feedback(call: Call) -> Answer:
    """Change feedback; what is not given stays."""
    document = call.document()
    with call.store.write() as connection:
        row = feedbacks.one(connection, call.agent_id, key(call))
        if row is None:
            raise not_found()
        values = _values(document, row["kind"])
        if "environment" in document:
            if row["kind"] != "agent":
                raise bad_field("environment", f"Derived from the {row['kind']}.")
            values["environment_id"] = params.environment_field(
                document, environment_ids(connection, call.agent_id)
            )
        feedbacks.change(connection, call.agent_id, row["id"], values)
        return Answer(_shape(call, connection, row["id"]))


def delete_feedback(call: Call) -> Answer:
    """Delete feedback for good."""
    with call.store.write() as connection:
        if not feedbacks.remove(connection, call.agent_id, key(call)):
            raise not_found()
    return Answer(None, 204)


def create_conversation_feedback(call: Call) -> Answer:
    """Record feedback the way the 0.0.x SDKs send it. Unlike AgentSight we keep its metadata."""
    document = call.document()
    values = _values({k: v for k, v in document.items() if k in {"sentiment", "comment"}}, "conversation")
    if "sentiment" not in values:
        raise bad_field("sentiment", "This field is required.")
    with call.store.write() as connection:
        owner = _conversation(call, connection, document)
        if owner is None:
            raise not_found("Conversation not found.")
        values |= {"kind": "conversation", "conversation": owner["id"], "metadata": target.metadata(document)}
        values["environment_id"] = owner["environment_id"]
        made = feedbacks.add(connection, call.agent_id, values)
        row = feedbacks.one(connection, call.agent_id, made)
    if row is None:
        raise not_found()
    names = ("id", "conversation", "conversation_id", "sentiment", "source", "comment", "metadata")
    return Answer({name: row[name] for name in names} | {"created_at": iso(row["created_at"])}, 201)

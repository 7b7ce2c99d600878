"""Reading and managing conversations."""

from __future__ import annotations

import contextlib
import ipaddress
from typing import Any

from agentsight_otel.enums import Sentiment
from agentsight_otel.server.api import params, shapes
from agentsight_otel.server.api.http import Answer, ApiError, Call, bad_field, not_found
from agentsight_otel.server.api.metadata_filter import metadata_filter
from agentsight_otel.server.clock import iso
from agentsight_otel.server.store import details, discovery, listing, managing
from agentsight_otel.server.store.conversations import find_by_string
from agentsight_otel.server.store.filters import ConversationFilter
from agentsight_otel.server.store.keys import environment_ids

MAX_NAME = 255
FEEDBACK_SOURCES = ("customer", "platform")
_TEXT_FILTERS = {
    "conversation_id": "conversation_id",
    "customer_id": "customer_id",
    "customer_ip_address": "customer_ip_address",
    "customer_id__icontains": "customer_id_contains",
    "name": "name_contains",
    "device": "device",
    "language": "language",
    "source": "source",
    "action_name": "action_name",
    "button_event": "button_event",
    "message_contains": "message_contains",
    "search": "search",
}
_FLAG_FILTERS = ("is_marked", "has_messages", "has_action", "has_feedback")
_UPDATABLE = ("name", "customer_id", "device", "language")


def read_filter(call: Call, environments: dict[str, int]) -> ConversationFilter:
    """Read a list's filters from the query; unknown parameters are ignored.

    Raises:
        ApiError: 400 for a value that a known filter cannot have.
    """
    query = call.query
    given: dict[str, Any] = {field: query.get(name) or None for name, field in _TEXT_FILTERS.items()}
    with contextlib.suppress(ValueError):  # as it is stored, however it is spelled; what is none is nowhere
        given["customer_ip_address"] = str(ipaddress.ip_address(given["customer_ip_address"] or ""))
    given |= {name: params.flag(query, name) for name in _FLAG_FILTERS}
    return ConversationFilter(
        **given,
        include_deleted=bool(params.flag(query, "include_deleted")),
        has_ticket=True if params.flag(query, "include_tickets", strict=True) else None,
        environment_id=params.environment(query, environments, "env", "environment"),
        feedback_sentiment=params.choice(query, "feedback_sentiment", Sentiment),
        feedback_source=params.choice(query, "feedback_source", FEEDBACK_SOURCES),
        metadata=metadata_filter(query),
        started_after=params.moment(query, "started_at_after"),
        started_before=params.moment(query, "started_at_before"),
    )


def list_conversations(call: Call) -> Answer:
    """Return a page of conversations, with their transcripts unless ``full=false``."""
    ordering = params.ordering(call.query, listing.ORDERINGS, "-started_at")
    full = params.flag(call.query, "full") is not False
    dialect = call.store.dialect
    with call.store.read() as connection:
        wanted = read_filter(call, environment_ids(connection, call.agent_id))

        def rows(offset: int, limit: int | None) -> list[dict[str, Any]]:
            found = listing.list_conversations(
                connection, call.agent_id, wanted, dialect, ordering, offset, limit
            )
            return _rows(call, connection, found, full=full, with_tickets=wanted.has_ticket is True)

        count = listing.count_conversations(connection, call.agent_id, wanted, dialect)
        return Answer(params.paginate(call, count, rows))


def get_conversation(call: Call) -> Answer:
    """Return one conversation with everything that belongs to it, deleted or not."""
    with call.store.read() as connection:
        row = listing.one_conversation(connection, call.agent_id, key(call))
        if row is None:
            raise not_found()
        shape = _rows(call, connection, [row], full=True, with_tickets=True)[0]
        shape["token_usage"] = shapes.usage_total(details.usage_rows(connection, call.agent_id, row["id"]))
    return Answer(shape)


def _rows(
    call: Call, connection: Any, found: list[details.Row], *, full: bool, with_tickets: bool
) -> list[dict[str, Any]]:
    ids = [row["id"] for row in found]
    result = [shapes.conversation(row) for row in found]
    if full:
        shaper = shapes.Shapes(call.base_url, call.store.secret)
        transcripts = details.transcripts(connection, call.agent_id, ids)
        votes = details.conversation_feedbacks(connection, call.agent_id, ids)
        for shape in result:
            shape["messages"] = shaper.transcript(shape["id"], transcripts)
            shape["feedbacks"] = [shapes.feedback(row) for row in votes.get(shape["id"], [])]
    else:
        for shape, row in zip(result, found, strict=True):
            shape |= {"message_count": row["message_count"], "feedback_count": row["feedback_count"]}
    if with_tickets:
        tickets = details.conversation_tickets(connection, call.agent_id, ids)
        threads = details.ticket_comments(
            connection, call.agent_id, [row["id"] for rows in tickets.values() for row in rows]
        )
        for shape in result:
            shape["tickets"] = [
                shapes.ticket(row, threads.get(row["id"], [])) for row in tickets.get(shape["id"], [])
            ]
    return result


def lookup(call: Call) -> Answer:
    """Return the integer key for a string id."""
    conversation_id = call.query.get("conversation_id", "")
    if not conversation_id:
        raise bad_field("conversation_id", "This field is required.")
    with call.store.read() as connection:
        row = find_by_string(connection, call.agent_id, conversation_id)
    if row is None:
        raise not_found()
    return Answer({"id": row["id"], "conversation_id": row["conversation_id"]})


def mark(call: Call) -> Answer:
    """Mark or unmark a conversation."""
    is_marked = params.flag_field(call.document(), "is_marked")
    if is_marked is None:
        raise ApiError(400, {"detail": "Missing field 'is_marked'."})
    return _change(call, {"is_marked": is_marked})


def rename(call: Call) -> Answer:
    """Give a conversation a name."""
    return _change(call, {"name": _name(call.document())})


def update(call: Call) -> Answer:
    """Change some fields; metadata is replaced as a whole."""
    document = call.document()
    values: dict[str, Any] = {}
    for field in _UPDATABLE:
        if field in document:
            values[field] = _name(document) if field == "name" else params.text_field(document, field)
    if "is_marked" in document:
        values["is_marked"] = bool(params.flag_field(document, "is_marked"))
    if "metadata" in document:
        values["metadata"] = params.object_field(document, "metadata")
    if not values:
        raise ApiError(400, {"detail": "No fields to update."})
    answer = _change(call, values)
    return Answer({**answer.body, "updated_fields": list(values)})


def merge_metadata(call: Call) -> Answer:
    """Merge keys into the metadata and remove others, in one step. An extension of this server."""
    document = call.document()
    merged = params.object_field(document, "metadata") or {}
    removed = document.get("remove") or []
    if not isinstance(removed, list) or not all(isinstance(name, str) for name in removed):
        raise bad_field("remove", "Expected a list of texts.")
    with call.store.write() as connection:
        found = managing.merge_metadata(connection, call.agent_id, key(call), merged, removed)
    if found is None:
        raise not_found()
    body = {"id": key(call), "conversation_id": found[0], "metadata": found[1]}
    return Answer(body | {"updated_fields": ["metadata"]})


def _change(call: Call, values: dict[str, Any]) -> Answer:
    with call.store.write() as connection:
        conversation_id = managing.change(connection, call.agent_id, key(call), values)
    if conversation_id is None:
        raise not_found()
    return Answer({"id": key(call), "conversation_id": conversation_id, **values})


def _name(document: dict[str, Any]) -> str:
    name = params.text_field({"name": str(document.get("name") or "").strip()}, "name", limit=MAX_NAME)
    if not name:
        raise ApiError(400, {"detail": "Field 'name' cannot be empty."})
    return name


def delete(call: Call) -> Answer:
    """Delete softly: the rows stay and can be had back."""
    with call.store.write() as connection:
        deleted = managing.soft_delete(connection, call.agent_id, key(call))
    if deleted is None:
        raise not_found()
    body = {"id": key(call), "conversation_id": deleted[0], "is_deleted": True, "deleted_at": iso(deleted[1])}
    return Answer(body)


def undelete(call: Call) -> Answer:
    """Take a soft deletion back. An extension of this server."""
    answer = _change(call, {"deleted_at": None})
    return Answer({**answer.body, "is_deleted": False})


def purge(call: Call) -> Answer:
    """Remove a conversation for good, with its files. An extension of this server."""
    if not managing.purge(call.store, call.agent_id, key(call)):
        raise not_found()
    return Answer(None, 204)


def metadata_keys(call: Call) -> Answer:
    """Return the metadata keys of recent conversations."""
    with call.store.read() as connection:
        return Answer({"keys": discovery.keys(discovery.conversation_documents(connection, call.agent_id))})


def metadata_values(call: Call) -> Answer:
    """Return the values one metadata key has in recent conversations."""
    wanted = call.query.get("key", "")
    if not wanted:
        raise bad_field("key", "This field is required.")
    with call.store.read() as connection:
        documents = discovery.conversation_documents(connection, call.agent_id)
    return Answer({"key": wanted, "values": discovery.values(documents, wanted)})


def message_metadata_keys(call: Call) -> Answer:
    """Return the metadata keys of recent messages."""
    with call.store.read() as connection:
        return Answer({"keys": discovery.keys(discovery.message_documents(connection, call.agent_id))})


def key(call: Call) -> int:
    """Return the integer key of the path."""
    value: int = call.path["pk"]
    return value

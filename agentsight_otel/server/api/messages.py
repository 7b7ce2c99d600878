"""Single messages."""

from __future__ import annotations

from agentsight_otel.server.api import params
from agentsight_otel.server.api.conversations import key
from agentsight_otel.server.api.http import Answer, Call, bad_field, not_found
from agentsight_otel.server.api.shapes import Shapes
from agentsight_otel.server.store import details, managing


def get_message(call: Call) -> Answer:
    """Return a message with its files, action runs and vote."""
    with call.store.read() as connection:
        found = details.one_message(connection, call.agent_id, key(call))
    if found is None:
        raise not_found()
    return Answer(Shapes(call.base_url, call.store.secret).message(*found))


def update_message(call: Call) -> Answer:
    """Replace a message's metadata."""
    document = call.document()
    if "metadata" not in document:
        raise bad_field("metadata", "This field is required.")
    metadata = params.object_field(document, "metadata")
    with call.store.write() as connection:
        if not managing.set_message_metadata(connection, call.agent_id, key(call), metadata):
            raise not_found()
    return get_message(call)

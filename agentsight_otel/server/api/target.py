"""Which conversation a legacy write is about."""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
from typing import Any

from sqlalchemy import Connection

from agentsight_otel.encoding import encode_json
from agentsight_otel.server.api import params
from agentsight_otel.server.api.http import Call, bad_field, not_found
from agentsight_otel.server.store.keys import environment_ids
from agentsight_otel.server.store.places import (
    Place,
    Wanted,
    lock_by_key,
    lock_conversations,
    place_of_message,
)

NONE = "None"
"""What 0.0.44 sends for a missing id."""


def resolve(call: Call, connection: Connection, document: dict[str, Any], timestamp: int) -> Place:
    """Find and lock the conversation a body names: by message, by key, or by string id, which may be new.

    Raises:
        ApiError: 404 for a message or key the agent does not have, 400 when nothing is named.
    """
    message = params.key_field(document, "message")
    key = params.key_field(document, "conversation")
    name = params.text_field(document, "conversation_id") or ""
    place: Place | None = None
    if message is not None:
        place = place_of_message(connection, call.agent_id, message)
        if place is None or (key is not None and key != place.conversation):
            raise not_found(f"Message {message} not found")
        return place
    if key is not None:
        place = lock_by_key(connection, call.agent_id, key)
        if place is None:
            raise not_found(f"Conversation {key} not found")
        return place
    if not name.strip() or name == NONE:
        raise bad_field("conversation_id", "This field is required.")
    production = environment_ids(connection, call.agent_id)["production"]
    return lock_conversations(connection, call.agent_id, [Wanted(name, production, timestamp)])[0]


def event_key(document: dict[str, Any], *parts: Any) -> str:
    """Return what names a legacy write: the same body sent again has the same key.

    Without a timestamp of its own every write is a new one.
    """
    if not document.get("timestamp"):
        return f"legacy:{secrets.token_hex(20)}"
    return f"legacy:{hashlib.sha256(encode_json([document['timestamp'], *parts])).hexdigest()[:40]}"


def metadata(document: dict[str, Any]) -> dict[str, Any] | None:
    """Return a body's metadata; 0.0.44 may send any JSON value, what is no object is wrapped in one."""
    value = document.get("metadata")
    return value if value is None or isinstance(value, dict) else {"value": value}


def address(document: dict[str, Any]) -> str | None:
    """Return a body's IP address."""
    text = params.text_field(document, "customer_ip_address")
    if not text or not text.strip():
        return None
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        raise bad_field("customer_ip_address", "Enter a valid IPv4 or IPv6 address.") from None

"""What an import file may hold, as `/api/imports/limits/`, `/schema/` and `/example/` show it."""

from __future__ import annotations

from typing import Any, Final

SCHEMA_VERSION: Final = 1
MAX_CONVERSATIONS: Final = 100_000
MAX_MESSAGES: Final = 2000
MAX_FIELD: Final = 255
MAX_CONTENT: Final = 100_000
MAX_FILE_BYTES: Final = 200 * 1024 * 1024
MAX_METADATA_BYTES: Final = 16_384
MAX_METADATA_DEPTH: Final = 10
MAX_METADATA_KEYS: Final = 50
MAX_METADATA_KEY: Final = 200
MAX_AHEAD_SECONDS: Final = 300
EARLIEST: Final = "2000-01-01T00:00:00Z"
FORBIDDEN_KEYS: Final = frozenset({"__proto__", "constructor", "prototype"})

SENDERS: Final = {
    "user": "end_user",
    "human": "end_user",
    "customer": "end_user",
    "end_user": "end_user",
    "assistant": "agent",
    "bot": "agent",
    "ai": "agent",
    "agent": "agent",
}
"""What each spelling of a sender means."""

LIMITS: Final[dict[str, Any]] = {
    "schema_version": SCHEMA_VERSION,
    "max_conversations": MAX_CONVERSATIONS,
    "max_messages_per_conversation": MAX_MESSAGES,
    "max_field_length": MAX_FIELD,
    "max_content_length": MAX_CONTENT,
    "max_file_bytes": MAX_FILE_BYTES,
    "max_metadata_bytes": MAX_METADATA_BYTES,
    "max_metadata_depth": MAX_METADATA_DEPTH,
    "max_metadata_keys": MAX_METADATA_KEYS,
    "max_metadata_key_length": MAX_METADATA_KEY,
    "max_seconds_ahead": MAX_AHEAD_SECONDS,
    "earliest": EARLIEST,
    "senders": SENDERS,
}

_OPTIONAL: Final[dict[str, Any]] = {"type": ["string", "null"], "maxLength": MAX_FIELD}
_TIME: Final[dict[str, Any]] = {"type": "string", "format": "date-time"}

SCHEMA: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "AgentSight import file",
    "type": "object",
    "required": ["schema_version", "conversations"],
    "additionalProperties": False,
    "properties": {
        "schema_version": {"const": SCHEMA_VERSION},
        "conversations": {
            "type": "array",
            "minItems": 1,
            "maxItems": MAX_CONVERSATIONS,
            "items": {
                "type": "object",
                "required": ["conversation_id", "started_at", "messages"],
                "additionalProperties": False,
                "properties": {
                    "conversation_id": {"type": "string", "minLength": 1, "maxLength": MAX_FIELD},
                    "started_at": _TIME,
                    "name": _OPTIONAL,
                    "customer_id": _OPTIONAL,
                    "language": _OPTIONAL,
                    "device": _OPTIONAL,
                    "metadata": {"type": "object"},
                    "messages": {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": MAX_MESSAGES,
                        "items": {
                            "type": "object",
                            "required": ["sender", "content", "timestamp"],
                            "additionalProperties": False,
                            "properties": {
                                "sender": {"type": "string", "enum": sorted(SENDERS)},
                                "content": {"type": "string", "minLength": 1, "maxLength": MAX_CONTENT},
                                "timestamp": _TIME,
                                "metadata": {"type": "object"},
                            },
                        },
                    },
                },
            },
        },
    },
}

EXAMPLE: Final[dict[str, Any]] = {
    "schema_version": SCHEMA_VERSION,
    "conversations": [
        {
            "conversation_id": "support-2041",
            "started_at": "2025-03-04T09:15:00Z",
            "name": "Late parcel",
            "customer_id": "customer-77",
            "language": "en",
            "device": "mobile",
            "metadata": {"channel": "web"},
            "messages": [
                {"sender": "user", "content": "Where is my parcel?", "timestamp": "2025-03-04T09:15:02Z"},
                {
                    "sender": "assistant",
                    "content": "It leaves the depot tomorrow morning.",
                    "timestamp": "2025-03-04T09:15:04.250Z",
                    "metadata": {"topic": "delivery"},
                },
            ],
        }
    ],
}

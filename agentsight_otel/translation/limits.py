"""The limits of the ingest contract for a block's fields (section 5.5 of the contract)."""

from __future__ import annotations

import ipaddress
from collections import Counter
from typing import Any

import msgspec

from agentsight_otel import semconv
from agentsight_otel.encoding import decode_json, to_jsonable

MAX_FIELD_CHARS = 255

_TEXT_FIELDS = {
    semconv.CONVERSATION_FIELDS[field]: field
    for field in ("customer_id", "device", "source", "language", "name")
}
BLOCK_ATTRIBUTES = tuple(semconv.CONVERSATION_FIELDS.values())
"""The span attributes that describe the conversation and become fields of its block."""
_BLOCK_ATTRIBUTES = frozenset(BLOCK_ATTRIBUTES)

_SHORTHANDS = {"prod": "production", "dev": "development"}


def clamp_id(value: object, notices: Counter[str]) -> str:
    """Return a conversation id as the backend stores it, or ``""`` when it is missing or blank."""
    if not isinstance(value, str) or not value.strip():
        return ""
    return _clamp(value, "conversation_id", notices)


def block_fields(attributes: dict[str, Any], notices: Counter[str]) -> dict[str, Any]:
    """Return the block fields that a span's attributes state.

    What cannot be kept is cut or left out and counted in *notices* under ``clamped:<field>`` or
    ``dropped:<field>``, never a failure: one bad field must not cost the conversation.
    """
    fields: dict[str, Any] = {}
    for key in _BLOCK_ATTRIBUTES.intersection(attributes):
        value = attributes[key]
        if key in _TEXT_FIELDS:
            if value is not None and str(value).strip():
                fields[_TEXT_FIELDS[key]] = _clamp(str(value), _TEXT_FIELDS[key], notices)
        elif key == semconv.CUSTOMER_IP:
            if value:
                _add_ip(fields, value, notices)
        elif key == semconv.ENVIRONMENT:
            if environment := normalize_environment(value):
                fields["environment"] = environment
        elif value is not None:
            fields["metadata"] = parse_object(value)
    return fields


def normalize_environment(value: object) -> str | None:
    """Return an environment slug: trimmed, lower case, ``prod`` and ``dev`` spelled out; None when blank."""
    if not isinstance(value, str):
        return None
    slug = value.strip().lower()[:MAX_FIELD_CHARS]
    return _SHORTHANDS.get(slug, slug) or None


def parse_object(value: Any) -> dict[str, Any]:
    """Return metadata as an object; what is not one is kept under ``value``."""
    if isinstance(value, str):
        try:
            value = decode_json(value) if value.strip() else {}
        except msgspec.DecodeError:
            pass
        except RecursionError:
            pass
    plain = to_jsonable(value)
    return plain if isinstance(plain, dict) else {"value": plain}


def _add_ip(fields: dict[str, Any], value: object, notices: Counter[str]) -> None:
    try:
        fields["customer_ip_address"] = str(ipaddress.ip_address(str(value).strip()))
    except ValueError:
        notices["dropped:customer_ip_address"] += 1


def _clamp(text: str, field: str, notices: Counter[str]) -> str:
    if len(text) <= MAX_FIELD_CHARS:
        return text
    notices[f"clamped:{field}"] += 1
    return text[:MAX_FIELD_CHARS]

"""What the public calls accept. Every refusal names the field and the limit, and never the value."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from agentsight_otel.encoding import clean_text, encode_json_str
from agentsight_otel.enums import Sender
from agentsight_otel.exceptions import (
    AgentSightException,
    InvalidChoiceException,
    InvalidConversationDataException,
    MissingConversationIdException,
)

MAX_FIELD_LENGTH = 255
MAX_TOKENS = 2**53 - 1
"""Counts stay exact in JSON up to here."""
MAX_DURATION_MS = 366 * 86_400_000
"""A year."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LATEST = (datetime(2200, 1, 1, tzinfo=UTC) - _EPOCH) // _MICROSECOND
_ID_LIMIT = f"a text of 1 to {MAX_FIELD_LENGTH} characters"


def message_text(message: object, error: type[AgentSightException]) -> str:
    """Return a message as text; anything but None is taken as ``str(message)``.

    Raises:
        AgentSightException: Of the class *error*: None or blank.
    """
    text = message if type(message) is str else "" if message is None else str(message)
    if not text or text.isspace():
        raise error(field="message", limit="a text that is not blank")
    return text if text.isascii() else clean_text(text)


def required_text(field: str, value: object) -> str:
    """Return a text that must not be blank.

    Raises:
        InvalidConversationDataException: Not a string, or blank.
    """
    if not isinstance(value, str) or not value.strip():
        raise _invalid(field, "a text that is not blank")
    return clean_text(value)


def optional_text(value: object) -> str | None:
    """Return any value as text: strings as they are, everything else as JSON."""
    if value is None:
        return None
    return clean_text(value) if isinstance(value, str) else encode_json_str(value)


def optional_json(value: object) -> str | None:
    """Return any value but None as JSON."""
    return None if value is None else encode_json_str(value)


def conversation_id(value: object) -> str:
    """Return a conversation id.

    Raises:
        MissingConversationIdException: None or blank.
        InvalidConversationDataException: Longer than 255 characters, or not a text, int or UUID.
    """
    text = _short("conversation_id", value) if value is not None else ""
    if not text or text.isspace():
        raise MissingConversationIdException(field="conversation_id", limit=_ID_LIMIT)
    return text


def conversation_fields(
    *,
    customer_id: object = None,
    customer_ip_address: object = None,
    device: object = None,
    source: object = None,
    language: object = None,
    name: object = None,
    environment: object = None,
    metadata: object = None,
) -> dict[str, str]:
    """Return what was given, as text; metadata as JSON.

    Raises:
        InvalidConversationDataException: A field is too long, of the wrong type, or no IP address.
    """
    # Nearly every conversation has an id and nothing else.
    if (
        customer_id
        is customer_ip_address
        is device
        is source
        is language
        is name
        is environment
        is metadata
        is None
    ):
        return {}
    texts = {
        "customer_id": customer_id,
        "device": device,
        "source": source,
        "language": language,
        "name": name,
        "environment": environment,
    }
    fields = {field: _short(field, value) for field, value in texts.items() if value is not None}
    if customer_ip_address is not None and customer_ip_address != "":
        fields["customer_ip_address"] = _ip_address(customer_ip_address)
    if metadata is not None:
        fields["metadata"] = metadata_json(metadata) or "{}"
    return fields


def metadata_json(metadata: object) -> str:
    """Return a snapshot of metadata as JSON; empty for None or an empty document.

    Raises:
        InvalidConversationDataException: Not a mapping.
    """
    if not metadata:
        return ""
    if not isinstance(metadata, Mapping):
        raise _invalid("metadata", "a dict")
    return encode_json_str(metadata)


def sender(value: object) -> str:
    """Return who sent an attachment; the user when None.

    Raises:
        InvalidChoiceException: Neither None nor a `Sender`.
    """
    try:
        return Sender.USER.value if value is None else Sender(str(value)).value
    except ValueError:
        limit = ", ".join(Sender)
        raise InvalidChoiceException(f"sender must be one of {limit}", field="sender", limit=limit) from None


def tokens(field: str, value: object) -> int:
    """Return a token count.

    Raises:
        InvalidConversationDataException: Not an integer from 0 to 2**53 - 1.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_TOKENS:
        raise _invalid(field, f"an integer from 0 to {MAX_TOKENS}")
    return int(value)


def time_us(field: str, value: object) -> int | None:
    """Return a time as microseconds since the Unix epoch; times without an offset are UTC.

    Args:
        field: Name of the parameter.
        value: A datetime, ISO 8601 text, seconds since the Unix epoch, or None.

    Raises:
        InvalidConversationDataException: None of these, or outside the years 1970 to 2199.
    """
    if value is None:
        return None
    try:
        microseconds = (_moment(value) - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError, TypeError):
        raise _invalid(field, "a datetime, ISO 8601 text or seconds since 1970") from None
    if not 0 <= microseconds < _LATEST:
        raise _invalid(field, "in the years 1970 to 2199")
    return microseconds


def period(started_at: object, ended_at: object) -> tuple[int | None, int | None]:
    """Return start and end as microseconds since the Unix epoch.

    Raises:
        InvalidConversationDataException: One cannot be read, or the end is before the start.
    """
    started, ended = time_us("started_at", started_at), time_us("ended_at", ended_at)
    if started is not None and ended is not None and ended < started:
        raise _invalid("ended_at", "not before started_at")
    return started, ended


def duration_ms(value: Any) -> float | None:
    """Return a duration in milliseconds; a number or a text of one.

    Raises:
        InvalidConversationDataException: Not a number from 0 to a year.
    """
    if value is None:
        return None
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 0 <= number <= MAX_DURATION_MS:
        raise _invalid("duration_ms", f"a number of milliseconds from 0 to {MAX_DURATION_MS}")
    return number


def iso(microseconds: int) -> str:
    """Return a time as ISO 8601 in UTC with microseconds."""
    return (_EPOCH + timedelta(microseconds=microseconds)).isoformat(timespec="microseconds")


def _moment(value: object) -> datetime:
    if isinstance(value, str):
        value = datetime.fromisoformat(value.strip())
    elif isinstance(value, int | float) and not isinstance(value, bool):
        value = _EPOCH + timedelta(seconds=value)
    if not isinstance(value, datetime):
        raise TypeError
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


def _short(field: str, value: object) -> str:
    if type(value) is str:
        text = value if value.isascii() else clean_text(value)
    elif isinstance(value, bool) or not isinstance(value, str | int | UUID):
        raise _invalid(field, _ID_LIMIT)
    else:
        text = clean_text(str(value))
    if len(text) > MAX_FIELD_LENGTH:
        raise _invalid(field, _ID_LIMIT)
    return text


def _ip_address(value: object) -> str:
    try:
        return str(ipaddress.ip_address(str(value).strip()))
    except ValueError:
        raise _invalid("customer_ip_address", "an IPv4 or IPv6 address") from None


def _invalid(field: str, limit: str) -> InvalidConversationDataException:
    return InvalidConversationDataException(f"{field} must be {limit}", field=field, limit=limit)

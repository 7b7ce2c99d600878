"""An error answer becomes the exception of its status, with the server's reason as the message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentsight_otel.exceptions import (
    ConversationApiException,
    ForbiddenException,
    NotFoundException,
    RateLimitedException,
    UnauthorizedException,
)

MAX_REASON_LENGTH = 500

_BY_STATUS = {401: UnauthorizedException, 403: ForbiddenException, 404: NotFoundException}


def error_for(status: int, body: Any, retry_after: float | None = None) -> ConversationApiException:
    """Build the exception for an answer.

    Args:
        status: HTTP status, 300 or more.
        body: The parsed JSON body, or None when it was not JSON.
        retry_after: Seconds, from the header.
    """
    reason = reason_of(body)
    if status == 429:
        return RateLimitedException(reason, body, retry_after)
    if status in _BY_STATUS:
        return _BY_STATUS[status](reason, body)
    return ConversationApiException(reason or f"AgentSight answered HTTP {status}", status, body)


def reason_of(body: Any) -> str | None:
    """Return what an error body says: its ``detail``, its ``error``, or its fields as one line."""
    if isinstance(body, Mapping):
        for name in ("detail", "error"):
            if isinstance(body.get(name), str):
                return _cut(body[name])
        fields = (f"{name}: {_flat(value)}" for name, value in body.items() if name != "details")
        return _cut("; ".join(fields))
    if isinstance(body, list):
        return _cut(_flat(body))
    return None


def _flat(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_flat(item) for item in value)
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_flat(item)}" for name, item in value.items())
    return str(value)


def _cut(text: str) -> str | None:
    return text[:MAX_REASON_LENGTH] or None

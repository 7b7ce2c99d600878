"""How many events the host's OpenTelemetry keeps in a span."""

from __future__ import annotations

import os
from functools import cache

from agentsight_otel.tracking.plan import MAX_MESSAGES_PER_TURN


@cache
def messages_per_turn() -> int:
    """Return how many message events a turn span may have without losing any; the SDK, too, asks once."""
    return kept_of(os.environ.get("OTEL_SPAN_EVENT_COUNT_LIMIT", ""))


def kept_of(limit: str) -> int:
    """Return how many messages a turn span may have where the environment sets *limit*."""
    limit = limit.strip()
    return max(1, min(int(limit), MAX_MESSAGES_PER_TURN)) if limit.isdigit() else MAX_MESSAGES_PER_TURN

"""How many events the host's OpenTelemetry keeps in a span."""

from __future__ import annotations

import os
from collections.abc import Mapping

from agentsight_otel.tracking.plan import MAX_MESSAGES_PER_TURN


def messages_per_turn(environ: Mapping[str, str] | None = None) -> int:
    """Return how many message events one turn span may have without losing any."""
    raw = (os.environ if environ is None else environ).get("OTEL_SPAN_EVENT_COUNT_LIMIT", "").strip()
    limit = int(raw) if raw.isdigit() else MAX_MESSAGES_PER_TURN
    return max(1, min(limit, MAX_MESSAGES_PER_TURN))

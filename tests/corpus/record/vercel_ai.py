"""What the drivers of the Vercel AI SDK share: running its application under Node."""

from __future__ import annotations

from typing import Any

import node_app
from harness import CORE, Context

SCENARIOS = (*CORE, "content_off")
instrument = node_app.instrument


def play_under_node(context: Context, style: str) -> list[dict[str, Any]]:
    """Run the scenario with the telemetry of *style*."""
    return node_app.play_under_node(context, "vercel_ai.mjs", style)

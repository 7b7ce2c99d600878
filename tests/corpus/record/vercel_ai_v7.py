"""The Vercel AI SDK 7 with its OpenTelemetry integration."""

from __future__ import annotations

from functools import partial

from harness import Driver, run
from vercel_ai import SCENARIOS, instrument, play_under_node

if __name__ == "__main__":
    run(
        Driver(
            name="vercel_ai_v7",
            instrument=instrument,
            outside=partial(play_under_node, style="v7"),
            scenarios=(*SCENARIOS, "long_history"),
            per_turn=True,
        )
    )

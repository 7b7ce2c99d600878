"""The Vercel AI SDK 6 with its built-in telemetry."""

from __future__ import annotations

from functools import partial

from harness import Driver, run
from vercel_ai import SCENARIOS, instrument, play_under_node

if __name__ == "__main__":
    run(
        Driver(
            name="vercel_ai_v6",
            instrument=instrument,
            outside=partial(play_under_node, style="v6"),
            scenarios=SCENARIOS,
            per_turn=True,
        )
    )

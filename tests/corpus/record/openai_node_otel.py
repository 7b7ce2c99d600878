"""OpenAI's client under Node instrumented by OpenTelemetry's package: the texts are only in log events."""

from __future__ import annotations

from functools import partial

from harness import Driver, core_without, run
from node_app import instrument, play_under_node

if __name__ == "__main__":
    run(
        Driver(
            name="openai_node_otel",
            instrument=instrument,
            outside=partial(play_under_node, script="openai_node.mjs", style="otel"),
            scenarios=core_without("same_text"),
            per_turn=True,
        )
    )

"""Mastra under Node, an agent with a memory, with its OpenTelemetry exporter."""

from __future__ import annotations

from functools import partial

from harness import Driver, run
from node_app import instrument, play_under_node

if __name__ == "__main__":
    run(
        Driver(
            name="mastra_otel",
            instrument=instrument,
            outside=partial(play_under_node, script="mastra_node.mjs", style=""),
            per_turn=True,
        )
    )

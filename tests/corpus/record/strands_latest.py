"""Strands Agents with its own instrumentation, switched to the newest GenAI conventions."""

from __future__ import annotations

from harness import Driver, run
from strands_native import App, instrument

if __name__ == "__main__":
    run(
        Driver(
            name="strands_latest",
            instrument=instrument,
            app=App,
            env={"OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental"},
            per_turn=True,
        )
    )

"""Pydantic AI with its own instrumentation in an older format, version 2."""

from __future__ import annotations

import warnings

from harness import Context, Driver, run
from pydantic_ai import Agent
from pydantic_ai.models.instrumented import InstrumentationSettings
from pydantic_ai_native import App


def instrument(context: Context) -> None:
    """Switch the instrumentation on; the format warns that it is old."""
    warnings.simplefilter("ignore")
    Agent.instrument_all(InstrumentationSettings(tracer_provider=context.provider, version=2))


if __name__ == "__main__":
    run(
        Driver(
            name="pydantic_ai_v2",
            instrument=instrument,
            app=App,
        )
    )

"""Google's ADK with its own instrumentation, in the schema that is its default."""

from __future__ import annotations

from google_adk_app import AdkApp, reshape
from harness import CORE, Context, Driver, run
from model_wire import ToolUse

SCENARIOS = (*CORE, "transfer")
TRANSFER = (ToolUse("transfer_to_agent", {"agent_name": "billing"}), "")


def instrument(_context: Context) -> None:
    """Nothing: it finds the global provider."""


if __name__ == "__main__":
    run(
        Driver(
            name="google_adk_native",
            instrument=instrument,
            app=AdkApp,
            scenarios=SCENARIOS,
            env={"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY"},
            transfer=TRANSFER,
            reshape=reshape,
        )
    )

"""Google's ADK with its own instrumentation, in its first schema."""

from __future__ import annotations

from google_adk_app import AdkApp, reshape
from google_adk_native import SCENARIOS, TRANSFER, instrument
from harness import Driver, run

if __name__ == "__main__":
    run(
        Driver(
            name="google_adk_v1",
            instrument=instrument,
            app=AdkApp,
            scenarios=SCENARIOS,
            env={
                "ADK_TELEMETRY_SCHEMA_VERSION_OPT_IN": "1",
                "ADK_CAPTURE_MESSAGE_CONTENT_IN_SPANS": "true",
                "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true",
            },
            transfer=TRANSFER,
            reshape=reshape,
        )
    )

"""As `openai_genai`, but the texts are only in log events, as the official packages can be told to do."""

from __future__ import annotations

from harness import Driver, run
from openai_genai import app, instrument

if __name__ == "__main__":
    run(
        Driver(
            name="openai_genai_events",
            instrument=instrument,
            app=app,
            env={
                "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "EVENT_ONLY",
                "OTEL_INSTRUMENTATION_GENAI_EMIT_EVENT": "true",
            },
            per_turn=True,
        )
    )

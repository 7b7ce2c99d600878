"""OpenAI's client, responses API with ``conversation``, instrumented by OpenTelemetry's official package."""

from __future__ import annotations

from harness import MODEL, Context, Driver, core_without, run
from openai import OpenAI
from openai_genai import instrument
from responses_loop import ResponsesApp


def app(context: Context) -> ResponsesApp:
    """An agent loop over the client."""
    client = OpenAI(base_url=context.openai_url, api_key="test", max_retries=0)
    return ResponsesApp(client.responses.create, MODEL)


if __name__ == "__main__":
    run(
        Driver(
            name="openai_genai_responses",
            instrument=instrument,
            app=app,
            scenarios=(*core_without("delegate"), "long_history"),
            per_turn=True,  # the package does not say which response a request continues
            env={"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY"},
        )
    )

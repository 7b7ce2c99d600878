"""Bedrock's Converse instrumented by OpenLLMetry's package; the application's own span has the ids."""

from __future__ import annotations

from bedrock_loop import BedrockApp
from harness import Context, Driver, run
from opentelemetry.instrumentation.bedrock import BedrockInstrumentor
from own_span import own_span


def instrument(context: Context) -> None:
    """Switch the instrumentation on."""
    BedrockInstrumentor().instrument(tracer_provider=context.provider)


def app(context: Context) -> BedrockApp:
    """An agent loop over the client."""
    return BedrockApp(context, own_span)


if __name__ == "__main__":
    run(
        Driver(
            name="bedrock_traceloop",
            instrument=instrument,
            app=app,
            env={"TRACELOOP_TRACE_CONTENT": "true"},
            per_turn=True,
        )
    )

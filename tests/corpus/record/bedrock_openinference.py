"""Bedrock's Converse instrumented by OpenInference."""

from __future__ import annotations

from bedrock_loop import BedrockApp
from harness import Context, Driver, run
from openinference.instrumentation.bedrock import BedrockInstrumentor
from openinference_scope import scope


def instrument(context: Context) -> None:
    """Switch the instrumentation on."""
    BedrockInstrumentor().instrument(tracer_provider=context.provider)


def app(context: Context) -> BedrockApp:
    """An agent loop over the client."""
    return BedrockApp(context, scope)


if __name__ == "__main__":
    run(Driver(name="bedrock_openinference", instrument=instrument, app=app, per_turn=True))

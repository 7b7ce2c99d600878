"""Bedrock's Converse under OpenTelemetry's botocore package: the texts are only in log events."""

from __future__ import annotations

from bedrock_loop import BedrockApp
from harness import CORE, Context, Driver, run
from opentelemetry.instrumentation.botocore import BotocoreInstrumentor
from own_span import own_span


def instrument(context: Context) -> None:
    """Switch the instrumentation on."""
    BotocoreInstrumentor().instrument(tracer_provider=context.provider, logger_provider=context.loggers)


def app(context: Context) -> BedrockApp:
    """An agent loop over the client."""
    return BedrockApp(context, own_span)


if __name__ == "__main__":
    run(
        Driver(
            name="bedrock_otel",
            instrument=instrument,
            app=app,
            scenarios=(*CORE, "content_off"),
            env={"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"},
            env_off={"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "false"},
            per_turn=True,
        )
    )

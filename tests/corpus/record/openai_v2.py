"""OpenAI's client instrumented by the older official package, in its default mode: texts only in log events.

The application's own span carries the ids.
"""

from __future__ import annotations

from chat_loop import ChatApp
from harness import CORE, MODEL, Context, Driver, run
from openai import OpenAI
from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor
from own_span import own_span


def instrument(context: Context) -> None:
    """Switch the instrumentation on."""
    OpenAIInstrumentor().instrument(tracer_provider=context.provider, logger_provider=context.loggers)


def app(context: Context) -> ChatApp:
    """An agent loop over the client."""
    client = OpenAI(base_url=context.openai_url, api_key="test", max_retries=0)
    return ChatApp(client.chat.completions.create, MODEL, own_span)


if __name__ == "__main__":
    run(
        Driver(
            name="openai_v2",
            instrument=instrument,
            app=app,
            scenarios=(*CORE, "content_off"),
            env={"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"},
            env_off={"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "false"},
            per_turn=True,
        )
    )

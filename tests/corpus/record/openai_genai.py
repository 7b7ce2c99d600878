"""OpenAI's client, chat completions, instrumented by OpenTelemetry's official package.

The application opens an ``invoke_agent`` span with the conversation's id around each turn, by the package's
own handler; the model calls inherit the id from there.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from chat_loop import ChatApp
from harness import CORE, MODEL, Context, Driver, run
from openai import OpenAI
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
from opentelemetry.util.genai.handler import get_telemetry_handler
from shape import Conversation


def instrument(context: Context) -> None:
    """Switch the instrumentation on."""
    OpenAIInstrumentor().instrument(tracer_provider=context.provider, logger_provider=context.loggers)


def scope(conversation: Conversation) -> AbstractContextManager[Any]:
    """An agent span that names the conversation."""
    handler = get_telemetry_handler()
    return handler.invoke_local_agent(agent_name="shop", conversation_id=conversation.id)


def app(context: Context) -> ChatApp:
    """An agent loop over the client."""
    client = OpenAI(base_url=context.openai_url, api_key="test", max_retries=0)
    return ChatApp(client.chat.completions.create, MODEL, scope)


if __name__ == "__main__":
    run(
        Driver(
            name="openai_genai",
            instrument=instrument,
            app=app,
            scenarios=(*CORE, "concurrent", "content_off", "trimmed", "image", "long_history"),
            env={"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY"},
            env_off={"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "NO_CONTENT"},
            per_turn=True,
        )
    )

"""Anthropic's client instrumented by OpenTelemetry's official package, inside its agent span."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from anthropic import Anthropic
from anthropic_loop import AnthropicApp
from harness import Context, Driver, run
from opentelemetry.instrumentation.genai.anthropic import AnthropicInstrumentor
from opentelemetry.util.genai.handler import get_telemetry_handler
from shape import Conversation


def instrument(context: Context) -> None:
    """Switch the instrumentation on."""
    AnthropicInstrumentor().instrument(tracer_provider=context.provider, logger_provider=context.loggers)


def scope(conversation: Conversation) -> AbstractContextManager[Any]:
    """An agent span that names the conversation."""
    handler = get_telemetry_handler()
    return handler.invoke_local_agent(agent_name="shop", conversation_id=conversation.id)


def app(context: Context) -> AnthropicApp:
    """An agent loop over the client, whose own spans are off."""
    client = Anthropic(base_url=context.url, api_key="test", max_retries=0, open_telemetry=False)
    return AnthropicApp(lambda _conversation: client, scope)


if __name__ == "__main__":
    run(
        Driver(
            name="anthropic_genai",
            instrument=instrument,
            app=app,
            env={"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY"},
            per_turn=True,
        )
    )

"""Anthropic's client instrumented by OpenLLMetry's package alone; the application stamps the ids itself."""

from __future__ import annotations

from anthropic import Anthropic
from anthropic_loop import AnthropicApp
from harness import CORE, Context, Driver, run
from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor
from own_span import own_span


def instrument(context: Context) -> None:
    """Switch the instrumentation on."""
    AnthropicInstrumentor().instrument(tracer_provider=context.provider)


def app(context: Context) -> AnthropicApp:
    """An agent loop over the client, whose own spans are off."""
    client = Anthropic(base_url=context.url, api_key="test", max_retries=0, open_telemetry=False)
    return AnthropicApp(lambda _conversation: client, own_span)


if __name__ == "__main__":
    run(
        Driver(
            name="anthropic_traceloop",
            instrument=instrument,
            app=app,
            scenarios=(*CORE, "content_off"),
            env={"TRACELOOP_TRACE_CONTENT": "true"},
            env_off={"TRACELOOP_TRACE_CONTENT": "false"},
            per_turn=True,
        )
    )

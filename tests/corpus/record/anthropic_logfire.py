"""Anthropic's client instrumented by Logfire; a span of the application's own has the ids."""

from __future__ import annotations

import logfire
from anthropic import Anthropic
from anthropic_loop import AnthropicApp
from harness import Context, Driver, run
from openai_logfire import configure, scope


def instrument(context: Context) -> None:
    """Switch the instrumentation on."""
    configure(context)
    logfire.instrument_anthropic()


def app(context: Context) -> AnthropicApp:
    """An agent loop over the client, whose own spans are off."""
    client = Anthropic(base_url=context.url, api_key="test", max_retries=0, open_telemetry=False)
    return AnthropicApp(lambda _conversation: client, scope)


if __name__ == "__main__":
    run(Driver(name="anthropic_logfire", instrument=instrument, app=app, per_turn=True))

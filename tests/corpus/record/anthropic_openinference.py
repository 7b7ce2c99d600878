"""Anthropic's client instrumented by OpenInference.

The spans the client makes by itself are switched off, except in ``double``: left alone, it makes them as soon
as there is a global provider.
"""

from __future__ import annotations

from typing import Any

from anthropic import Anthropic
from anthropic_loop import AnthropicApp
from harness import CORE, Context, Driver, run
from openinference.instrumentation.anthropic import AnthropicInstrumentor
from openinference_scope import HIDDEN, scope


def instrument(context: Context) -> None:
    """Switch the instrumentation on."""
    AnthropicInstrumentor().instrument(tracer_provider=context.provider)


def app(context: Context) -> AnthropicApp:
    """An agent loop over the client."""
    native: Any = None if context.scenario.name == "double" else False
    client = Anthropic(base_url=context.url, api_key="test", max_retries=0, open_telemetry=native)
    return AnthropicApp(lambda _conversation: client, scope)


if __name__ == "__main__":
    run(
        Driver(
            name="anthropic_openinference",
            instrument=instrument,
            app=app,
            scenarios=(*CORE, "double", "content_off"),
            env_off=HIDDEN,
            per_turn=True,
        )
    )

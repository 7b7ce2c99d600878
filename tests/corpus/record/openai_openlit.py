"""OpenAI's client instrumented by OpenLIT."""

from __future__ import annotations

import openlit
from chat_loop import ChatApp
from harness import MODEL, Context, Driver, run
from openai import OpenAI
from own_span import own_span


def instrument(context: Context) -> None:
    """Switch the instrumentation on; it adopts the global provider, its exporter points at a closed port."""
    openlit.init(
        application_name="lamp-shop",
        otlp_endpoint="http://127.0.0.1:9",
        disable_metrics=True,
        capture_message_content=context.scenario.name != "content_off",
        pricing_json="{}",
    )


def app(context: Context) -> ChatApp:
    """An agent loop over the client."""
    client = OpenAI(base_url=context.openai_url, api_key="test", max_retries=0)
    return ChatApp(client.chat.completions.create, MODEL, own_span)


if __name__ == "__main__":
    run(
        Driver(
            name="openai_openlit",
            instrument=instrument,
            app=app,
            per_turn=True,
        )
    )

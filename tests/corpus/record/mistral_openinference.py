"""Mistral's client instrumented by OpenInference."""

from __future__ import annotations

from typing import Any

from chat_loop import ChatApp
from harness import Context, Driver, run
from mistralai.client import Mistral
from openinference.instrumentation.mistralai import MistralAIInstrumentor
from openinference_scope import scope


def instrument(context: Context) -> None:
    """Switch the instrumentation on."""
    MistralAIInstrumentor().instrument(tracer_provider=context.provider)


def app(context: Context) -> ChatApp:
    """An agent loop over the client."""
    client = Mistral(server_url=context.url, api_key="test", retry_config=None)

    def create(*, stream: bool = False, stream_options: Any = None, **request: Any) -> Any:
        if not stream:
            return client.chat.complete(**request)
        assert stream_options
        return (event.data for event in client.chat.stream(**request))

    return ChatApp(create, "mistral-small-latest", scope)


if __name__ == "__main__":
    run(
        Driver(
            name="mistral_openinference",
            instrument=instrument,
            app=app,
            per_turn=True,
        )
    )

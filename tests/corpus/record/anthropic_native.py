"""Anthropic's client with the spans it makes itself."""

from __future__ import annotations

from typing import Any

from anthropic import Anthropic
from anthropic_loop import AnthropicApp
from harness import CORE, Context, Driver, run
from shape import Conversation


def instrument(_context: Context) -> None:
    """Nothing: the client finds the global provider."""


def app(context: Context) -> AnthropicApp:
    """An agent loop over a client for each conversation."""

    def client(conversation: Conversation) -> Any:
        off = context.scenario.name == "content_off"
        options: dict[str, Any] = {} if off else {"traces": {"content_mode": "content"}}
        if conversation.id:
            options["conversation_id"] = conversation.id
        return Anthropic(base_url=context.url, api_key="test", max_retries=0, open_telemetry=options)

    return AnthropicApp(client)


if __name__ == "__main__":
    run(
        Driver(
            name="anthropic_native",
            instrument=instrument,
            app=app,
            scenarios=(*CORE, "content_off"),
            per_turn=True,
        )
    )

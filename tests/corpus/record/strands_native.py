"""Strands Agents with its own instrumentation; it always streams."""

from __future__ import annotations

from typing import Any

from harness import CORE, MODEL, Context, Driver, run
from shape import Conversation, Turn
from shop import BILLING, SHOP, TOOLS
from strands import Agent, tool
from strands.models.openai import OpenAIModel


def instrument(_context: Context) -> None:
    """Nothing: it finds the global provider."""


class App:
    """An agent for each conversation, and a sub-agent behind a tool."""

    def __init__(self, context: Context) -> None:
        options = {"base_url": context.openai_url, "api_key": "test", "max_retries": 0}
        self._model = OpenAIModel(client_args=options, model_id=MODEL)
        self._tools: list[Any] = [tool(item.function) for item in TOOLS.values()]
        self._agents: dict[str, Agent] = {}

    def _agent(self, conversation: Conversation) -> Agent:
        about: dict[str, Any] = {}
        if conversation.id:
            about = {"session.id": conversation.id, "user.id": conversation.customer}

        @tool
        def ask_billing(question: str) -> str:
            """Ask the billing agent."""
            billing = Agent(
                model=self._model,
                name="billing",
                system_prompt=BILLING,
                tools=self._tools,
                callback_handler=None,
                trace_attributes=about,
            )
            return str(billing(question))

        return Agent(
            model=self._model,
            name="shop",
            system_prompt=SHOP,
            tools=[*self._tools, ask_billing],
            callback_handler=None,
            trace_attributes=about,
        )

    def turn(self, conversation: Conversation, turn: Turn) -> None:
        """Run one turn."""
        if conversation.key not in self._agents:
            self._agents[conversation.key] = self._agent(conversation)
        self._agents[conversation.key](turn.text)


if __name__ == "__main__":
    run(
        Driver(
            name="strands_native",
            instrument=instrument,
            app=App,
            scenarios=(*CORE, "concurrent"),
            per_turn=True,
        )
    )

"""Agno instrumented by OpenInference."""

from __future__ import annotations

from typing import Any

from agno.agent import Agent
from agno.db.in_memory import InMemoryDb
from agno.models.openai import OpenAIChat
from harness import CORE, MODEL, Context, Driver, run
from openinference.instrumentation.agno import AgnoInstrumentor
from shape import Conversation, Turn
from shop import BILLING, SHOP, TOOLS


def instrument(context: Context) -> None:
    """Switch the instrumentation on."""
    AgnoInstrumentor().instrument(tracer_provider=context.provider)


class App:
    """An agent with a database in memory, and a sub-agent behind a tool."""

    def __init__(self, context: Context) -> None:
        def model() -> OpenAIChat:
            return OpenAIChat(id=MODEL, base_url=context.openai_url, api_key="test", max_retries=0)

        tools: list[Any] = [tool.function for tool in TOOLS.values()]
        billing = Agent(name="billing", model=model(), instructions=BILLING, tools=tools, telemetry=False)

        def ask_billing(question: str) -> str:
            """Ask the billing agent."""
            return str(billing.run(question).content)

        self._shop = Agent(
            name="shop",
            model=model(),
            instructions=SHOP,
            tools=[*tools, ask_billing],
            db=InMemoryDb(),
            add_history_to_context=True,
            num_history_runs=20,
            telemetry=False,
        )

    def turn(self, conversation: Conversation, turn: Turn) -> None:
        """Run one turn."""
        about: dict[str, Any] = {"session_id": conversation.id, "user_id": conversation.customer}
        answer: Any = self._shop.run(turn.text, stream=turn.stream, **about)
        if turn.stream:
            for _event in answer:
                pass


if __name__ == "__main__":
    run(
        Driver(
            name="agno_openinference",
            instrument=instrument,
            app=App,
            scenarios=(*CORE, "concurrent"),
        )
    )

"""Microsoft Agent Framework with its own instrumentation.

Its spans carry a conversation id only for sessions that the model's provider manages; these are its own.
"""

from __future__ import annotations

from typing import Any

from agent_framework import Agent, AgentSession, tool
from agent_framework.observability import enable_instrumentation
from agent_framework.openai import OpenAIChatCompletionClient
from harness import CORE, MODEL, Context, Driver, run
from openai import AsyncOpenAI
from own_span import own_span
from shape import Conversation, Turn
from shop import BILLING, SHOP, TOOLS


def instrument(context: Context) -> None:
    """Switch the instrumentation on."""
    enable_instrumentation(enable_sensitive_data=context.scenario.name != "content_off")


class App:
    """An agent, a sub-agent behind a tool, and the session of each conversation."""

    def __init__(self, context: Context) -> None:
        client = AsyncOpenAI(base_url=context.openai_url, api_key="test", max_retries=0)
        chat = OpenAIChatCompletionClient(model=MODEL, async_client=client)
        tools: list[Any] = [tool(item.function, approval_mode="never_require") for item in TOOLS.values()]
        billing = Agent(client=chat, name="billing", instructions=BILLING, tools=tools)

        @tool(approval_mode="never_require")
        async def ask_billing(question: str) -> str:
            """Ask the billing agent."""
            return (await billing.run(question)).text

        self._shop = Agent(client=chat, name="shop", instructions=SHOP, tools=[*tools, ask_billing])
        self._sessions: dict[str, AgentSession] = {}

    async def turn(self, conversation: Conversation, turn: Turn) -> None:
        """Run one turn inside a span of the application's own, which carries the ids."""
        session = self._sessions.setdefault(conversation.key, AgentSession(session_id=conversation.id))
        with own_span(conversation):
            if turn.stream:
                async for _part in self._shop.run(turn.text, session=session, stream=True):
                    pass
            else:
                await self._shop.run(turn.text, session=session)


if __name__ == "__main__":
    run(
        Driver(
            name="agent_framework_native",
            instrument=instrument,
            app=App,
            scenarios=(*CORE, "content_off"),
            per_turn=True,
        )
    )

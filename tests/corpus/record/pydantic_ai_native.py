"""Pydantic AI with its own instrumentation."""

from __future__ import annotations

from typing import Any

from harness import CORE, MODEL, Context, Driver, run
from openai import AsyncOpenAI
from pydantic_ai import Agent, ModelRetry, RunContext, Tool
from pydantic_ai.models.instrumented import InstrumentationSettings
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from shape import Conversation, Turn
from shop import BILLING, SHOP, WarehouseError, order_status, reserve_item, stock_level


def reserve(sku: str, quantity: int) -> str:
    """Reserve an article for a customer.

    Args:
        sku: The article number.
        quantity: How many.
    """
    try:
        return reserve_item(sku, quantity)
    except WarehouseError as error:
        raise ModelRetry(str(error)) from error


def instrument(context: Context) -> None:
    """Switch the instrumentation on."""
    content = context.scenario.name != "content_off"
    Agent.instrument_all(InstrumentationSettings(tracer_provider=context.provider, include_content=content))


class App:
    """An agent, a sub-agent behind a tool, and the history of each conversation."""

    def __init__(self, context: Context) -> None:
        client = AsyncOpenAI(base_url=context.openai_url, api_key="test", max_retries=0)
        model = OpenAIChatModel(MODEL, provider=OpenAIProvider(openai_client=client))
        tools: list[Any] = [order_status, stock_level, Tool(reserve, name="reserve_item")]
        billing = Agent(model, name="billing", instructions=BILLING, tools=tools)
        self._shop = Agent(model, name="shop", instructions=SHOP, tools=tools)
        self._histories: dict[str, list[Any]] = {}

        @self._shop.tool
        async def ask_billing(context: RunContext[None], question: str) -> str:
            """Ask the billing agent."""
            return (await billing.run(question, usage=context.usage)).output

    async def turn(self, conversation: Conversation, turn: Turn) -> None:
        """Run one turn."""
        about: dict[str, Any] = {"message_history": self._histories.get(conversation.key)}
        if conversation.id:
            about |= {"conversation_id": conversation.id, "metadata": {"user_id": conversation.customer}}
        if not turn.stream:
            result = await self._shop.run(turn.text, **about)
            self._histories[conversation.key] = result.all_messages()
            return
        async with self._shop.run_stream(turn.text, **about) as stream:
            async for _text in stream.stream_text():
                pass
        self._histories[conversation.key] = stream.all_messages()


if __name__ == "__main__":
    run(
        Driver(
            name="pydantic_ai_native",
            instrument=instrument,
            app=App,
            scenarios=(*CORE, "concurrent", "fastapi", "content_off", "long_history"),
        )
    )

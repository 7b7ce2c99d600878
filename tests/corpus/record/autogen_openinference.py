"""AutoGen's AgentChat instrumented by OpenInference; autogen-core adds spans of its own."""

from __future__ import annotations

from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.messages import TextMessage
from autogen_core import CancellationToken
from autogen_core.models import ModelFamily
from autogen_core.tools import FunctionTool
from autogen_ext.models.openai import OpenAIChatCompletionClient
from harness import MODEL, Context, Driver, run
from openinference.instrumentation.autogen_agentchat import AutogenAgentChatInstrumentor
from openinference_scope import scope
from shape import Conversation, Turn
from shop import BILLING, SHOP, TOOLS


def instrument(context: Context) -> None:
    """Switch the instrumentation on."""
    AutogenAgentChatInstrumentor().instrument(tracer_provider=context.provider)


class App:
    """An agent for each conversation, and a sub-agent behind a tool."""

    def __init__(self, context: Context) -> None:
        about: Any = {
            "vision": False,
            "function_calling": True,
            "json_output": True,
            "family": ModelFamily.GPT_4O,
            "structured_output": True,
        }
        self._client = OpenAIChatCompletionClient(
            model=MODEL,
            base_url=context.openai_url,
            api_key="test",
            max_retries=0,
            model_info=about,
            include_name_in_message=False,
        )
        self._agents: dict[str, AssistantAgent] = {}

    def _agent(self, name: str, prompt: str, *more: Any) -> AssistantAgent:
        tools = [FunctionTool(item.function, item.description) for item in TOOLS.values()]
        return AssistantAgent(
            name, self._client, tools=[*tools, *more], system_message=prompt, max_tool_iterations=10
        )

    async def _ask_billing(self, question: str) -> str:
        answer = await self._agent("billing", BILLING).run(task=question)
        return str(answer.messages[-1].content)  # type: ignore[union-attr] # the last one is text

    async def turn(self, conversation: Conversation, turn: Turn) -> None:
        """Run one turn."""
        if conversation.key not in self._agents:
            ask = FunctionTool(self._ask_billing, "Ask the billing agent.", name="ask_billing")
            self._agents[conversation.key] = self._agent("shop", SHOP, ask)
        question = TextMessage(content=turn.text, source="user")
        with scope(conversation):
            if turn.stream:
                stream = self._agents[conversation.key].on_messages_stream([question], CancellationToken())
                async for _event in stream:
                    pass
            else:
                await self._agents[conversation.key].run(task=question)


if __name__ == "__main__":
    run(
        Driver(
            name="autogen_openinference",
            instrument=instrument,
            app=App,
            per_turn=True,
        )
    )

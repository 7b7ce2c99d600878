"""An agent of the OpenAI Agents SDK, with a sub-agent behind a tool and one to hand over to."""

from __future__ import annotations

from typing import Any

from agents import Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, RunConfig, Runner, function_tool
from harness import MODEL, Context
from openai import AsyncOpenAI
from shape import Conversation, Turn
from shop import BILLING, SHOP, TOOLS


class AgentsApp:
    """The application; its histories are the SDK's input lists.

    Args:
        chat: Use chat completions instead of the responses API.
    """

    def __init__(self, context: Context, *, chat: bool = False) -> None:
        client = AsyncOpenAI(base_url=context.openai_url, api_key="test", max_retries=0)
        model: Any = (OpenAIChatCompletionsModel if chat else OpenAIResponsesModel)(MODEL, client)
        tools = [function_tool(tool.function) for tool in TOOLS.values()]
        billing = Agent(name="billing", instructions=BILLING, model=model, tools=tools)

        @function_tool
        async def ask_billing(question: str) -> str:
            """Ask the billing agent."""
            return str((await Runner.run(billing, question)).final_output)

        self._shop = Agent(
            name="shop", instructions=SHOP, model=model, tools=[*tools, ask_billing], handoffs=[billing]
        )
        self._active: dict[str, Agent[Any]] = {}
        self._histories: dict[str, list[Any]] = {}

    async def turn(self, conversation: Conversation, turn: Turn) -> None:
        """Run one turn with the agent that had the last word."""
        history = self._histories.get(conversation.key, [])
        question = [*history, {"role": "user", "content": turn.text}]
        agent = self._active.get(conversation.key, self._shop)
        about = {"user_id": conversation.customer} if conversation.customer else None
        config = RunConfig(group_id=conversation.id, trace_metadata=about, workflow_name="lamp shop")
        if turn.stream:
            result: Any = Runner.run_streamed(agent, question, run_config=config)
            async for _event in result.stream_events():
                pass
        else:
            result = await Runner.run(agent, question, run_config=config)
        self._histories[conversation.key] = result.to_input_list()
        self._active[conversation.key] = result.last_agent

"""An agent of Google's ADK on LiteLLM, with sessions in memory and an agent to transfer to."""

from __future__ import annotations

import dataclasses
from typing import Any

from google.adk.agents import LlmAgent, RunConfig
from google.adk.agents.run_config import StreamingMode
from google.adk.models.lite_llm import LiteLlm
from google.adk.runners import Runner
from google.adk.sessions import InMemorySessionService
from google.adk.tools.agent_tool import AgentTool
from google.genai import types
from harness import MODEL, Context
from shape import Conversation, Scenario, Turn
from shop import BILLING, SHOP, TOOLS, run_tool_safely


def reserve_item(sku: str, quantity: int) -> str:
    """Reserve an article for a customer.

    Args:
        sku: The article number.
        quantity: How many.
    """
    return run_tool_safely("reserve_item", {"sku": sku, "quantity": quantity})


def reshape(scenario: Scenario) -> Scenario:
    """An agent that is a tool takes the question as its ``request``."""
    return dataclasses.replace(scenario, turns=tuple(map(_requesting, scenario.turns)))


def _requesting(turn: Turn) -> Turn:
    delegation = turn.delegation
    if delegation is None or not delegation.returns:
        return turn
    question = delegation.tool.arguments["question"]
    tool = dataclasses.replace(delegation.tool, arguments={"request": question})
    calls = (dataclasses.replace(turn.calls[0], tools=(tool,)), *turn.calls[1:])
    return dataclasses.replace(
        turn, calls=calls, delegation=dataclasses.replace(delegation, tool=tool, marker=question)
    )


class AdkApp:
    """The application; its sessions are the conversations."""

    def __init__(self, context: Context) -> None:
        model = LiteLlm(
            model=f"openai/{MODEL}", api_base=context.openai_url, api_key="test", max_retries=0, num_retries=0
        )
        tools: list[Any] = [TOOLS["order_status"].function, TOOLS["stock_level"].function, reserve_item]

        def billing(name: str) -> LlmAgent:
            about = "Answers questions about bills."
            return LlmAgent(name=name, description=about, model=model, instruction=BILLING, tools=tools)

        ask = AgentTool(agent=billing("ask_billing"))
        shop = LlmAgent(
            name="shop", model=model, instruction=SHOP, tools=[*tools, ask], sub_agents=[billing("billing")]
        )
        self._sessions = InMemorySessionService()
        self._runner = Runner(agent=shop, app_name="lamp_shop", session_service=self._sessions)
        self._known: dict[str, tuple[str, str]] = {}

    async def turn(self, conversation: Conversation, turn: Turn) -> None:
        """Run one turn."""
        if conversation.key not in self._known:
            user = conversation.customer or "anonymous"
            session = await self._sessions.create_session(
                app_name="lamp_shop", user_id=user, session_id=conversation.id
            )
            self._known[conversation.key] = (user, session.id)
        user, session_id = self._known[conversation.key]
        mode = StreamingMode.SSE if turn.stream else StreamingMode.NONE
        message = types.Content(role="user", parts=[types.Part(text=turn.text)])
        async for _event in self._runner.run_async(
            user_id=user,
            session_id=session_id,
            new_message=message,
            run_config=RunConfig(streaming_mode=mode),
        ):
            pass

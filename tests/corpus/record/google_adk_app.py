"""An agent of Google's ADK on LiteLLM, with sessions in memory and an agent to transfer to."""

from __future__ import annotations

from typing import Any

from google.adk.agents import LlmAgent, RunConfig
from google.adk.agents.run_config import StreamingMode
from google.adk.models.lite_llm import LiteLlm
from google.adk.runners import Runner
from google.adk.sessions import InMemorySessionService
from google.genai import types
from harness import MODEL, Context
from shape import Conversation, Turn
from shop import BILLING, SHOP, TOOLS, run_tool_safely


def reserve_item(sku: str, quantity: int) -> str:
    """Reserve an article for a customer.

    Args:
        sku: The article number.
        quantity: How many.
    """
    return run_tool_safely("reserve_item", {"sku": sku, "quantity": quantity})


class AdkApp:
    """The application; its sessions are the conversations."""

    def __init__(self, context: Context) -> None:
        model = LiteLlm(
            model=f"openai/{MODEL}", api_base=context.openai_url, api_key="test", max_retries=0, num_retries=0
        )
        tools: list[Any] = [TOOLS["order_status"].function, TOOLS["stock_level"].function, reserve_item]
        billing = LlmAgent(
            name="billing", description="Answers questions about bills.", model=model, instruction=BILLING,
            tools=tools,
        )  # fmt: skip
        shop = LlmAgent(name="shop", model=model, instruction=SHOP, tools=tools, sub_agents=[billing])
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

"""An agent of LangChain 1 on LangGraph, with a checkpointer that keeps the history by thread."""

from __future__ import annotations

from typing import Any

from harness import MODEL, Context
from langchain.agents import create_agent
from langchain_core.tools import StructuredTool, ToolException
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from shape import Conversation, Turn
from shop import BILLING, SHOP, TOOLS, WarehouseError


def _tool(function: Any) -> StructuredTool:
    def call(**arguments: Any) -> Any:
        try:
            return function(**arguments)
        except WarehouseError as error:
            raise ToolException(str(error)) from error

    made = StructuredTool.from_function(function, handle_tool_error=True)
    made.func = call
    return made


class LangGraphApp:
    """The application; its threads are the conversations."""

    def __init__(self, context: Context) -> None:
        model = ChatOpenAI(
            model=MODEL, base_url=context.openai_url, api_key="test", max_retries=0, stream_usage=True
        )
        tools = [_tool(tool.function) for tool in TOOLS.values()]
        self._billing = create_agent(model, tools, system_prompt=BILLING, name="billing")
        ask = StructuredTool.from_function(self._ask_billing, name="ask_billing", description="Ask billing.")
        self._shop = create_agent(
            model, [*tools, ask], system_prompt=SHOP, name="shop", checkpointer=InMemorySaver()
        )
        self._forgetful = create_agent(model, [*tools, ask], system_prompt=SHOP, name="shop")
        self._history: list[Any] = []

    def _ask_billing(self, question: str) -> str:
        answer = self._billing.invoke({"messages": [{"role": "user", "content": question}]})
        return str(answer["messages"][-1].content)

    def _config(self) -> dict[str, Any]:
        """What every run is configured with."""
        return {}

    def turn(self, conversation: Conversation, turn: Turn) -> None:
        """Run one turn; without an id there is no thread, so the application keeps the history."""
        question = {"messages": [{"role": "user", "content": turn.text}]}
        if not conversation.id:
            self._history += question["messages"]
            self._history = self._forgetful.invoke({"messages": self._history}, self._config())["messages"]
            return
        config: dict[str, Any] = self._config() | {
            "configurable": {"thread_id": conversation.id},
            "metadata": {"session_id": conversation.id, "user_id": conversation.customer},
        }
        if turn.stream:
            for _part in self._shop.stream(question, config, stream_mode="messages"):
                pass
        else:
            self._shop.invoke(question, config)

"""LlamaIndex's function agent instrumented by OpenInference."""

from __future__ import annotations

from typing import Any

from harness import CORE, MODEL, Context, Driver, run
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai import OpenAI
from openinference.instrumentation.llama_index import LlamaIndexInstrumentor
from openinference_scope import scope
from shape import Conversation, Turn
from shop import BILLING, SHOP, TOOLS


def instrument(context: Context) -> None:
    """Switch the instrumentation on."""
    LlamaIndexInstrumentor().instrument(tracer_provider=context.provider)


class App:
    """An agent, a sub-agent behind a tool, and the memory of each conversation."""

    def __init__(self, context: Context) -> None:
        self._llm = OpenAI(model=MODEL, api_base=context.openai_url, api_key="test", max_retries=0)
        self._tools: list[Any] = [FunctionTool.from_defaults(tool.function) for tool in TOOLS.values()]
        self._memories: dict[str, ChatMemoryBuffer] = {}

    def _agent(self, name: str, prompt: str, tools: list[Any], *, stream: bool) -> FunctionAgent:
        return FunctionAgent(name=name, system_prompt=prompt, tools=tools, llm=self._llm, streaming=stream)

    async def _ask_billing(self, question: str) -> str:
        """Ask the billing agent."""
        agent = self._agent("billing", BILLING, self._tools, stream=False)
        return str(await agent.run(user_msg=question))

    async def turn(self, conversation: Conversation, turn: Turn) -> None:
        """Run one turn."""
        memory = self._memories.setdefault(conversation.key, ChatMemoryBuffer.from_defaults(llm=self._llm))
        ask = FunctionTool.from_defaults(async_fn=self._ask_billing, name="ask_billing")
        agent = self._agent("shop", SHOP, [*self._tools, ask], stream=turn.stream)
        with scope(conversation):
            await agent.run(user_msg=turn.text, memory=memory)


if __name__ == "__main__":
    run(
        Driver(
            name="llama_index_openinference",
            instrument=instrument,
            app=App,
            scenarios=(*CORE, "concurrent"),
            per_turn=True,
        )
    )

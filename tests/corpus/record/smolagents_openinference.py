"""Smolagents' tool-calling agent instrumented by OpenInference; it answers by its tool ``final_answer``."""

from __future__ import annotations

from dataclasses import replace

from harness import MODEL, Context, Driver, core_without, run
from model_server import Rule
from model_wire import ToolUse
from openinference.instrumentation.smolagents import SmolagentsInstrumentor
from openinference_scope import scope
from shape import Conversation, Turn
from shop import BILLING, SHOP, TOOLS
from smolagents import OpenAIModel, Tool, ToolCallingAgent, tool


def instrument(context: Context) -> None:
    """Switch the instrumentation on."""
    SmolagentsInstrumentor().instrument(tracer_provider=context.provider)


def answer_by_tool(rules: list[Rule]) -> list[Rule]:
    """The script in which the model answers the way the agent demands."""

    def adapt(rule: Rule) -> Rule:
        reply = rule.reply
        if reply.status != 200 or reply.tools:
            return rule
        answer = ToolUse("final_answer", {"answer": reply.text})
        return replace(rule, reply=replace(reply, text="", tools=(answer,)))

    return [adapt(rule) for rule in rules]


class App:
    """An agent for each conversation, which remembers it."""

    def __init__(self, context: Context) -> None:
        self._model = OpenAIModel(
            MODEL, api_base=context.openai_url, api_key="test", client_kwargs={"max_retries": 0}, retry=False
        )
        self._agents: dict[str, ToolCallingAgent] = {}

    def turn(self, conversation: Conversation, turn: Turn) -> None:
        """Run one turn."""
        agent = self._agents.get(conversation.key)
        if agent is None:
            agent = self._agents[conversation.key] = self._agent(SHOP, self._billing())
        with scope(conversation):
            agent.run(turn.text, reset=False)

    def _agent(self, instructions: str, *more: Tool) -> ToolCallingAgent:
        tools = [*(tool(item.function) for item in TOOLS.values()), *more]
        return ToolCallingAgent(tools=tools, model=self._model, instructions=instructions, verbosity_level=-1)

    def _billing(self) -> Tool:
        @tool
        def ask_billing(question: str) -> str:
            """Ask the billing agent.

            Args:
                question: What it is to find out.
            """
            return str(self._agent(BILLING).run(question))

        return ask_billing


if __name__ == "__main__":
    run(
        Driver(
            name="smolagents_openinference",
            instrument=instrument,
            app=App,
            scenarios=core_without("streaming"),
            adapt=answer_by_tool,
            per_turn=True,
        )
    )

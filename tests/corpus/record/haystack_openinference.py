"""Haystack's agent instrumented by OpenInference."""

from __future__ import annotations

from typing import Any

from harness import MODEL, Context, Driver, core_without, run
from haystack import Pipeline
from haystack.components.agents import Agent
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.dataclasses import ChatMessage
from haystack.tools import Tool
from haystack.utils import Secret
from openinference.instrumentation.haystack import HaystackInstrumentor
from openinference_scope import scope
from shape import Conversation, Turn
from shop import SHOP, TOOLS


def instrument(context: Context) -> None:
    """Switch the instrumentation on."""
    HaystackInstrumentor().instrument(tracer_provider=context.provider)


class App:
    """A pipeline with the agent in it, and the history of each conversation."""

    def __init__(self, context: Context) -> None:
        generator = OpenAIChatGenerator(
            model=MODEL, api_base_url=context.openai_url, api_key=Secret.from_token("test"), max_retries=0
        )
        tools: list[Any] = [
            Tool(item.name, item.description, item.parameters, item.function) for item in TOOLS.values()
        ]
        agent = Agent(chat_generator=generator, tools=tools, system_prompt=SHOP)
        self._pipeline = Pipeline()
        self._pipeline.add_component("agent", agent)
        self._histories: dict[str, list[ChatMessage]] = {}

    def turn(self, conversation: Conversation, turn: Turn) -> None:
        """Run one turn."""
        history = self._histories.setdefault(conversation.key, [])
        history.append(ChatMessage.from_user(turn.text))
        with scope(conversation):
            result = self._pipeline.run({"agent": {"messages": list(history)}})
        self._histories[conversation.key] = [
            message for message in result["agent"]["messages"] if message.role.value != "system"
        ]


if __name__ == "__main__":
    run(
        Driver(
            name="haystack_openinference",
            instrument=instrument,
            app=App,
            scenarios=core_without("delegate", "streaming"),
            env={"HAYSTACK_TELEMETRY_ENABLED": "False"},
            per_turn=True,
        )
    )

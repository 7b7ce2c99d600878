"""Semantic Kernel's chat agent with its own instrumentation, whose texts go through Python's logging."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

from harness import CORE, MODEL, Context, Driver, run
from openai import AsyncOpenAI
from opentelemetry.sdk._logs import LoggingHandler
from own_span import own_span
from script import with_tool_names
from semantic_kernel.agents import ChatCompletionAgent, ChatHistoryAgentThread
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion
from semantic_kernel.functions import KernelPlugin, kernel_function
from shape import Conversation, Turn
from shop import BILLING, SHOP, TOOLS


def instrument(context: Context) -> None:
    """Bridge the logging of its telemetry."""
    logger = logging.getLogger("semantic_kernel.utils.telemetry")
    logger.setLevel(logging.INFO)
    logger.addHandler(LoggingHandler(logger_provider=context.loggers))


def kernel_method(function: Callable[..., Any]) -> Callable[..., Any]:
    """A tool of the shop as the framework wants it."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return kernel_function(call)


class Plugin:
    """The tools of the shop."""

    def __init__(self) -> None:
        for tool in TOOLS.values():
            setattr(self, tool.name, kernel_method(tool.function))


class App:
    """An agent, with a sub-agent as one of its plugins, and a thread for each conversation."""

    def __init__(self, context: Context) -> None:
        client = AsyncOpenAI(base_url=context.openai_url, api_key="test", max_retries=0)
        service = OpenAIChatCompletion(ai_model_id=MODEL, async_client=client)
        plugin = KernelPlugin.from_object("shop", Plugin())
        billing = ChatCompletionAgent(service=service, name="billing", instructions=BILLING, plugins=[plugin])

        class Everything(Plugin):
            @kernel_function
            async def ask_billing(self, question: str) -> str:
                """Ask the billing agent."""
                return str((await billing.get_response(messages=question)).message)

        self._agent = ChatCompletionAgent(
            service=service,
            name="shop",
            instructions=SHOP,
            plugins=[KernelPlugin.from_object("shop", Everything())],
        )
        self._threads: dict[str, ChatHistoryAgentThread] = {}

    async def turn(self, conversation: Conversation, turn: Turn) -> None:
        """Run one turn."""
        thread = self._threads.setdefault(conversation.key, ChatHistoryAgentThread())
        with own_span(conversation):
            if turn.stream:
                async for _chunk in self._agent.invoke_stream(messages=turn.text, thread=thread):
                    pass
            else:
                await self._agent.get_response(messages=turn.text, thread=thread)


if __name__ == "__main__":
    run(
        Driver(
            name="semantic_kernel_native",
            instrument=instrument,
            app=App,
            scenarios=(*CORE, "concurrent", "content_off"),
            env={
                "SEMANTICKERNEL_EXPERIMENTAL_GENAI_ENABLE_OTEL_DIAGNOSTICS": "true",
                "SEMANTICKERNEL_EXPERIMENTAL_GENAI_ENABLE_OTEL_DIAGNOSTICS_SENSITIVE": "true",
            },
            env_off={"SEMANTICKERNEL_EXPERIMENTAL_GENAI_ENABLE_OTEL_DIAGNOSTICS_SENSITIVE": "false"},
            reshape=lambda scenario: with_tool_names(scenario, lambda name: f"shop-{name}"),
            per_turn=True,
        )
    )

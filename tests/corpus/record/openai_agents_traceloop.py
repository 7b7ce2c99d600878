"""The OpenAI Agents SDK on chat completions, instrumented by OpenLLMetry's package."""

from __future__ import annotations

from agents import set_trace_processors
from harness import Context, Driver, run
from model_wire import ToolUse
from openai_agents_app import AgentsApp
from opentelemetry.instrumentation.openai_agents import OpenAIAgentsInstrumentor
from own_span import own_span
from shape import Conversation, Turn


def instrument(context: Context) -> None:
    """Switch the instrumentation on, without the SDK's own upload."""
    set_trace_processors([])
    OpenAIAgentsInstrumentor().instrument(tracer_provider=context.provider)


class App(AgentsApp):
    """The application, with a span of its own that carries the ids."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, chat=True)

    async def turn(self, conversation: Conversation, turn: Turn) -> None:
        """Run one turn."""
        with own_span(conversation):
            await super().turn(conversation, turn)


if __name__ == "__main__":
    run(
        Driver(
            name="openai_agents_traceloop",
            instrument=instrument,
            app=App,
            scenarios=(
                "basic",
                "tools",
                "delegate",
                "transfer",
                "streaming",
                "interleaved",
                "provider_error",
                "odd_texts",
            ),
            per_turn=True,
            transfer=(ToolUse("transfer_to_billing"), '"assistant"'),
        )
    )

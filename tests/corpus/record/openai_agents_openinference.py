"""The OpenAI Agents SDK instrumented by OpenInference; for ``double`` OpenAI's client is, too."""

from __future__ import annotations

from harness import CORE, Context, Driver, run
from model_wire import ToolUse
from openai_agents_app import AgentsApp
from openinference.instrumentation.openai import OpenAIInstrumentor
from openinference.instrumentation.openai_agents import OpenAIAgentsInstrumentor
from openinference_scope import HIDDEN, scope
from shape import Conversation, Turn


def instrument(context: Context) -> None:
    """Switch the instrumentation on."""
    OpenAIAgentsInstrumentor().instrument(tracer_provider=context.provider)
    if context.scenario.name == "double":
        OpenAIInstrumentor().instrument(tracer_provider=context.provider)


class App(AgentsApp):
    """The application, which tells OpenInference the conversation and the customer."""

    async def turn(self, conversation: Conversation, turn: Turn) -> None:
        """Run one turn."""
        with scope(conversation):
            await super().turn(conversation, turn)


if __name__ == "__main__":
    run(
        Driver(
            name="openai_agents_openinference",
            instrument=instrument,
            app=App,
            scenarios=(*CORE, "transfer", "double", "content_off", "long_history"),
            env_off=HIDDEN,
            per_turn=True,
            transfer=(ToolUse("transfer_to_billing"), '"assistant"'),
        )
    )

"""LangChain/LangGraph instrumented by OpenInference; for ``double`` OpenAI's client is, too."""

from __future__ import annotations

from harness import CORE, Context, Driver, run
from langgraph_app import LangGraphApp
from openinference.instrumentation.langchain import LangChainInstrumentor
from openinference.instrumentation.openai import OpenAIInstrumentor
from openinference_scope import HIDDEN, scope
from shape import Conversation, Turn


def instrument(context: Context) -> None:
    """Switch the instrumentation on."""
    LangChainInstrumentor().instrument(tracer_provider=context.provider)
    if context.scenario.name == "double":
        OpenAIInstrumentor().instrument(tracer_provider=context.provider)


class App(LangGraphApp):
    """The application, which tells OpenInference the conversation and the customer."""

    def turn(self, conversation: Conversation, turn: Turn) -> None:
        """Run one turn."""
        with scope(conversation):
            super().turn(conversation, turn)


if __name__ == "__main__":
    run(
        Driver(
            name="langgraph_openinference",
            instrument=instrument,
            app=App,
            scenarios=(*CORE, "concurrent", "fastapi", "double", "content_off", "long_history"),
            env_off=HIDDEN,
            per_turn=True,
        )
    )

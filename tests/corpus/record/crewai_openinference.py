"""CrewAI instrumented by OpenInference: each turn is a crew of one agent with one task."""

from __future__ import annotations

from typing import Any

from crewai import LLM, Agent, Crew, Task
from crewai.tools import tool
from harness import MODEL, Context, Driver, run
from openinference.instrumentation.crewai import CrewAIInstrumentor
from openinference_scope import scope
from shape import Conversation, Turn
from shop import TOOLS


def instrument(context: Context) -> None:
    """Switch the instrumentation on."""
    CrewAIInstrumentor().instrument(tracer_provider=context.provider)


class App:
    """The crew; it remembers nothing from turn to turn."""

    def __init__(self, context: Context) -> None:
        self._url = context.openai_url
        self._tools: list[Any] = [tool(item.name)(item.function) for item in TOOLS.values()]

    def turn(self, conversation: Conversation, turn: Turn) -> None:
        """Run one turn."""
        llm = LLM(model=f"openai/{MODEL}", base_url=self._url, api_key="test", max_retries=0)
        agent = Agent(
            role="shop assistant", goal="Help.", backstory="A lamp shop.", llm=llm, tools=self._tools
        )
        task = Task(description=turn.text, expected_output="An answer.", agent=agent)
        with scope(conversation):
            Crew(agents=[agent], tasks=[task], verbose=False).kickoff()


if __name__ == "__main__":
    run(
        Driver(
            name="crewai_openinference",
            instrument=instrument,
            app=App,
            scenarios=("basic", "tools", "same_text", "interleaved", "odd_texts", "no_id"),
            env={"CREWAI_DISABLE_TELEMETRY": "true", "CREWAI_TRACING_ENABLED": "false"},
            per_turn=True,
        )
    )

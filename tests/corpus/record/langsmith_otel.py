"""LangChain/LangGraph traced by LangSmith's SDK with its OpenTelemetry output."""

from __future__ import annotations

from harness import Context, Driver, run
from langchain_core.tracers.langchain import wait_for_all_tracers
from langgraph_app import LangGraphApp
from langsmith.run_trees import get_cached_client
from shape import Conversation, Turn


def instrument(_context: Context) -> None:
    """Nothing: the environment switches it on, and it adopts the global provider."""


class App(LangGraphApp):
    """The application; its runs become spans in the background."""

    def turn(self, conversation: Conversation, turn: Turn) -> None:
        """Run one turn and wait for its spans."""
        try:
            super().turn(conversation, turn)
        finally:
            wait_for_all_tracers()
            get_cached_client().flush()


if __name__ == "__main__":
    run(
        Driver(
            name="langsmith_otel",
            instrument=instrument,
            app=App,
            env={
                "LANGSMITH_TRACING": "true",
                "LANGSMITH_OTEL_ENABLED": "true",
                "LANGSMITH_OTEL_ONLY": "true",
                "LANGSMITH_API_KEY": "test",
                "LANGSMITH_ENDPOINT": "http://127.0.0.1:9",
                "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
            },
            per_turn=True,
        )
    )

"""LangChain/LangGraph traced by Langfuse's callback handler, which makes OpenTelemetry spans."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from dump import SpanCollector
from harness import Context, Driver, run
from langfuse import Langfuse, propagate_attributes
from langfuse.langchain import CallbackHandler
from langgraph_app import LangGraphApp
from shape import Conversation, Turn


def instrument(context: Context) -> None:
    """Make Langfuse's client on our provider; its own exporter goes nowhere."""
    Langfuse(
        public_key="pk-test",
        secret_key="sk-test",
        base_url="http://127.0.0.1:9",
        tracer_provider=context.provider,
        span_exporter=SpanCollector(),
    )


class App(LangGraphApp):
    """The application with the handler among its callbacks."""

    def _config(self) -> dict[str, Any]:
        return {"callbacks": [CallbackHandler()]}

    def turn(self, conversation: Conversation, turn: Turn) -> None:
        """Run one turn."""
        named = (
            propagate_attributes(session_id=conversation.id, user_id=conversation.customer)
            if conversation.id
            else nullcontext()
        )
        with named:
            super().turn(conversation, turn)


if __name__ == "__main__":
    run(Driver(name="langgraph_langfuse", instrument=instrument, app=App, per_turn=True))

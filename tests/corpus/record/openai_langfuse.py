"""OpenAI's client wrapped by Langfuse's SDK, which makes OpenTelemetry spans."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from chat_loop import ChatApp
from dump import SpanCollector
from harness import MODEL, Context, Driver, run
from langfuse import Langfuse, get_client, propagate_attributes
from langfuse.openai import OpenAI
from shape import Conversation


def instrument(context: Context) -> None:
    """Make Langfuse's client on our provider; its own exporter goes nowhere."""
    Langfuse(
        public_key="pk-test",
        secret_key="sk-test",
        base_url="http://127.0.0.1:9",
        tracer_provider=context.provider,
        span_exporter=SpanCollector(),
    )


@contextmanager
def scope(conversation: Conversation) -> Iterator[None]:
    """A span around the turn, with the ids propagated from it."""
    with get_client().start_as_current_observation(name="answer", as_type="agent"):
        if not conversation.id:
            yield
            return
        with propagate_attributes(session_id=conversation.id, user_id=conversation.customer):
            yield


def app(context: Context) -> ChatApp:
    """An agent loop over the client."""
    client = OpenAI(base_url=context.openai_url, api_key="test", max_retries=0)
    return ChatApp(client.chat.completions.create, MODEL, scope)


if __name__ == "__main__":
    run(
        Driver(
            name="openai_langfuse",
            instrument=instrument,
            app=app,
            per_turn=True,
        )
    )

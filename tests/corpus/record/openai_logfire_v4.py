"""OpenAI's client, chat completions, instrumented by Logfire; a span of the application's own has the ids."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import logfire
from chat_loop import ChatApp
from harness import MODEL, Context, Driver, run
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from shape import Conversation


def configure(context: Context) -> None:
    """Configure Logfire, which has a provider of its own and here sends nothing anywhere."""
    logfire.configure(
        send_to_logfire=False,
        console=False,
        additional_span_processors=[SimpleSpanProcessor(context.collector)],
        service_name="lamp-shop",
        inspect_arguments=False,
    )


def instrument(context: Context) -> None:
    """Switch the instrumentation on."""
    configure(context)
    logfire.instrument_openai()


@contextmanager
def scope(conversation: Conversation) -> Iterator[None]:
    """A span around the turn with the ids on it."""
    with logfire.span("answer") as span:
        if conversation.id:
            span.set_attribute("gen_ai.conversation.id", conversation.id)
        if conversation.customer:
            span.set_attribute("user.id", conversation.customer)
        yield


def app(context: Context) -> ChatApp:
    """An agent loop over the client."""
    from openai import OpenAI  # noqa: PLC0415 - `anthropic_logfire` borrows the rest without it

    client = OpenAI(base_url=context.openai_url, api_key="test", max_retries=0)
    return ChatApp(client.chat.completions.create, MODEL, scope)


if __name__ == "__main__":
    run(Driver(name="openai_logfire_v4", instrument=instrument, app=app, per_turn=True))

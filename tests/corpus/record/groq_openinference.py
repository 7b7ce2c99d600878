"""Groq's client instrumented by OpenInference."""

from __future__ import annotations

from chat_loop import ChatApp
from groq import Groq
from harness import Context, Driver, run
from openinference.instrumentation.groq import GroqInstrumentor
from openinference_scope import scope

MODEL = "llama-3.3-70b-versatile"


def instrument(context: Context) -> None:
    """Switch the instrumentation on."""
    GroqInstrumentor().instrument(tracer_provider=context.provider)


def app(context: Context) -> ChatApp:
    """An agent loop over the client."""
    client = Groq(base_url=context.url, api_key="test", max_retries=0)
    return ChatApp(client.chat.completions.create, MODEL, scope, asks_usage=False)


if __name__ == "__main__":
    run(Driver(name="groq_openinference", instrument=instrument, app=app, per_turn=True))

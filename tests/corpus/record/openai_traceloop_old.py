"""OpenAI's client instrumented by an OpenLLMetry before 0.55: flattened ``gen_ai.prompt.N`` attributes."""

from __future__ import annotations

from chat_loop import ChatApp
from harness import CORE, MODEL, Context, Driver, run
from openai import OpenAI
from opentelemetry.instrumentation.openai import OpenAIInstrumentor
from own_span import own_span


def instrument(context: Context) -> None:
    """Switch the instrumentation on."""
    OpenAIInstrumentor().instrument(tracer_provider=context.provider)


def app(context: Context) -> ChatApp:
    """An agent loop over the client."""
    client = OpenAI(base_url=context.openai_url, api_key="test", max_retries=0)
    return ChatApp(client.chat.completions.create, MODEL, own_span)


if __name__ == "__main__":
    run(
        Driver(
            name="openai_traceloop_old",
            instrument=instrument,
            app=app,
            scenarios=(*CORE, "content_off"),
            env_off={"TRACELOOP_TRACE_CONTENT": "false"},
            per_turn=True,
        )
    )

"""OpenAI's client, chat completions, instrumented by OpenInference."""

from __future__ import annotations

from chat_loop import ChatApp
from harness import CORE, MODEL, Context, Driver, run
from openai import OpenAI
from openinference.instrumentation.openai import OpenAIInstrumentor
from openinference_scope import HIDDEN, scope
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor as OfficialInstrumentor


def instrument(context: Context) -> None:
    """Switch the instrumentation on; for ``double`` also the official one."""
    OpenAIInstrumentor().instrument(tracer_provider=context.provider)
    if context.scenario.name == "double":
        OfficialInstrumentor().instrument(tracer_provider=context.provider)


def app(context: Context) -> ChatApp:
    """An agent loop over the client."""
    client = OpenAI(base_url=context.openai_url, api_key="test", max_retries=0)
    return ChatApp(client.chat.completions.create, MODEL, scope)


if __name__ == "__main__":
    run(
        Driver(
            name="openai_openinference",
            instrument=instrument,
            app=app,
            scenarios=(
                *CORE,
                "concurrent",
                "fastapi",
                "double",
                "content_off",
                "long_history",
                "trimmed",
                "image",
            ),
            env={"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY"},
            env_off=HIDDEN,
            per_turn=True,
        )
    )

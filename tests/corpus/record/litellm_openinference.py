"""LiteLLM as a library, instrumented by OpenInference."""

from __future__ import annotations

from functools import partial

import litellm
from chat_loop import ChatApp
from harness import MODEL, Context, Driver, run
from openinference.instrumentation.litellm import LiteLLMInstrumentor
from openinference_scope import scope


def instrument(context: Context) -> None:
    """Switch the instrumentation on."""
    LiteLLMInstrumentor().instrument(tracer_provider=context.provider)


def app(context: Context) -> ChatApp:
    """An agent loop over ``litellm.completion``."""
    # reached through the module, because the instrumentation replaces the function there
    create = partial(
        litellm.completion, base_url=context.openai_url, api_key="test", max_retries=0, num_retries=0
    )
    return ChatApp(create, f"openai/{MODEL}", scope)


if __name__ == "__main__":
    run(
        Driver(
            name="litellm_openinference",
            instrument=instrument,
            app=app,
            per_turn=True,
        )
    )

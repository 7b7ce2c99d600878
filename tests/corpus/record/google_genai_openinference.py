"""Google's Gen AI client instrumented by OpenInference."""

from __future__ import annotations

from google_genai_app import GenaiApp
from harness import Context, Driver, run
from openinference.instrumentation.google_genai import GoogleGenAIInstrumentor
from openinference_scope import scope


def instrument(context: Context) -> None:
    """Switch the instrumentation on."""
    GoogleGenAIInstrumentor().instrument(tracer_provider=context.provider)


def app(context: Context) -> GenaiApp:
    """An agent loop over the client."""
    return GenaiApp(context, scope)


if __name__ == "__main__":
    run(
        Driver(
            name="google_genai_openinference",
            instrument=instrument,
            app=app,
            per_turn=True,
        )
    )

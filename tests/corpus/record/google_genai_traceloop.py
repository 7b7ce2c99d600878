"""Google's Gen AI client instrumented by OpenLLMetry's package; the application's own span has the ids."""

from __future__ import annotations

from google_genai_app import GenaiApp
from harness import Context, Driver, run
from opentelemetry.instrumentation.google_generativeai import GoogleGenerativeAiInstrumentor
from own_span import own_span


def instrument(context: Context) -> None:
    """Switch the instrumentation on."""
    GoogleGenerativeAiInstrumentor().instrument(tracer_provider=context.provider)


def app(context: Context) -> GenaiApp:
    """An agent loop over the client."""
    return GenaiApp(context, own_span)


if __name__ == "__main__":
    run(
        Driver(
            name="google_genai_traceloop",
            instrument=instrument,
            app=app,
            per_turn=True,
        )
    )

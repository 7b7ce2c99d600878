"""Google's Gen AI client instrumented by OpenTelemetry's package; the application's own span has the ids."""

from __future__ import annotations

from google_genai_app import GenaiApp
from harness import Context, Driver, run
from opentelemetry.instrumentation.google_genai import GoogleGenAiSdkInstrumentor
from own_span import own_span


def instrument(context: Context) -> None:
    """Switch the instrumentation on."""
    GoogleGenAiSdkInstrumentor().instrument(tracer_provider=context.provider, logger_provider=context.loggers)


def app(context: Context) -> GenaiApp:
    """An agent loop over the client."""
    return GenaiApp(context, own_span)


if __name__ == "__main__":
    run(
        Driver(
            name="google_genai_otel",
            instrument=instrument,
            app=app,
            env={
                "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental",
                "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY",
            },
            per_turn=True,
        )
    )

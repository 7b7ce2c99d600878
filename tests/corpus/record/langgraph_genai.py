"""LangChain/LangGraph instrumented by OpenTelemetry's official package."""

from __future__ import annotations

from harness import CORE, Context, Driver, run
from langgraph_app import LangGraphApp
from opentelemetry.instrumentation.genai.langchain import LangChainInstrumentor


def instrument(context: Context) -> None:
    """Switch the instrumentation on."""
    LangChainInstrumentor().instrument(tracer_provider=context.provider, logger_provider=context.loggers)


if __name__ == "__main__":
    run(
        Driver(
            name="langgraph_genai",
            instrument=instrument,
            app=LangGraphApp,
            scenarios=(*CORE, "content_off"),
            env={"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY"},
            env_off={"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "NO_CONTENT"},
            per_turn=True,
        )
    )

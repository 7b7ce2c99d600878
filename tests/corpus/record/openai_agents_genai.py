"""The OpenAI Agents SDK and OpenAI's client instrumented by OpenTelemetry's official packages."""

from __future__ import annotations

from harness import CORE, Context, Driver, run
from model_wire import ToolUse
from openai_agents_app import AgentsApp
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
from opentelemetry.instrumentation.genai.openai_agents import OpenAIAgentsInstrumentor


def instrument(context: Context) -> None:
    """Switch the instrumentations on."""
    OpenAIInstrumentor().instrument(tracer_provider=context.provider, logger_provider=context.loggers)
    OpenAIAgentsInstrumentor().instrument(
        tracer_provider=context.provider, logger_provider=context.loggers, disable_openai_trace_export=True
    )


if __name__ == "__main__":
    run(
        Driver(
            name="openai_agents_genai",
            instrument=instrument,
            app=AgentsApp,
            scenarios=(*CORE, "concurrent", "transfer"),
            env={"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY"},
            per_turn=True,
            transfer=(ToolUse("transfer_to_billing"), '"assistant"'),
        )
    )

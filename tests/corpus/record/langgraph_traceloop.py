"""LangChain/LangGraph instrumented by Traceloop's SDK (OpenLLMetry)."""

from __future__ import annotations

from dump import SpanCollector
from harness import Context, Driver, run
from langgraph_app import LangGraphApp
from traceloop.sdk import Instruments, Traceloop


def instrument(_context: Context) -> None:
    """Switch the instrumentation on; it adopts the global provider, its own exporter goes nowhere."""
    Traceloop.init(
        app_name="lamp-shop",
        exporter=SpanCollector(),
        disable_batch=True,
        telemetry_enabled=False,
        instruments={Instruments.LANGCHAIN},
    )


if __name__ == "__main__":
    run(
        Driver(
            name="langgraph_traceloop",
            instrument=instrument,
            app=LangGraphApp,
            env={"TRACELOOP_TELEMETRY": "false"},
            per_turn=True,
        )
    )

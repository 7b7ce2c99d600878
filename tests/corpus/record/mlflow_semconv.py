"""As `mlflow_openai`, with its spans translated to the GenAI conventions before they are sent."""

from __future__ import annotations

from harness import Driver, run
from mlflow_openai import App, instrument

if __name__ == "__main__":
    run(
        Driver(
            name="mlflow_semconv",
            instrument=instrument,
            app=App,
            env={"MLFLOW_ENABLE_OTEL_GENAI_SEMCONV": "true"},
            per_turn=True,
        )
    )

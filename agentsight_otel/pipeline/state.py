"""The one Pipeline of the process."""

from agentsight_otel.pipeline.wiring import Pipeline
from agentsight_otel.tracking import bind

PIPELINE = Pipeline()

bind(PIPELINE.tracer)

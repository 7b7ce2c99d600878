"""The one Pipeline of the process."""

from agentsight_otel.pipeline.wiring import Pipeline
from agentsight_otel.tracking import bind
from agentsight_otel.tracking.propagation import bind_policy

PIPELINE = Pipeline()

bind(PIPELINE.tracer)
bind_policy(PIPELINE.policy)

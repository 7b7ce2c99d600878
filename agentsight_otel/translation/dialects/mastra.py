"""Mastra by its own OpenTelemetry exporter: what the user said stands only on the run of the agent.

Reference: @mastra/otel-exporter 1.4 with @mastra/core 1.71, gen-ai-semantics.
"""

from agentsight_otel.translation.dialects.base import Dialect

MASTRA = Dialect(
    name="mastra",
    scopes=("@mastra/",),
    conversation=("mastra.metadata.threadId", "mastra.metadata.sessionId"),
    customer=("mastra.metadata.resourceId", "mastra.metadata.userId"),
    input_value=("mastra.agent_run.input",),
    output_value=("mastra.agent_run.output",),
)

"""What instrumentations of the OpenAI Agents SDK add to their convention's names.

Reference: opentelemetry-instrumentation-genai-openai-agents 1.3b0,
openinference-instrumentation-openai-agents and opentelemetry-instrumentation-openai-agents 0.62.4.
"""

from agentsight_otel.translation.dialects.base import Dialect

OPENAI_AGENTS = Dialect(
    name="openai_agents",
    scopes=(
        "opentelemetry.instrumentation.genai.openai_agents",
        "opentelemetry.instrumentation.openai_agents",
        "openinference.instrumentation.openai_agents",
    ),
    ignored_names=("handoff to ",),
    conversation=("gen_ai.group.id",),
)

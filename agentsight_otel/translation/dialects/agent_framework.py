"""Microsoft Agent Framework: otel_genai's names, and workflow spans that carry no text.

Reference: agent-framework-core 1.23, agent_framework/observability.py.
"""

from agentsight_otel.translation.dialects.base import Dialect, Kind

AGENT_FRAMEWORK = Dialect(
    name="agent_framework",
    scopes=("agent_framework",),
    span_names={"workflow.run": Kind.CHAIN, "workflow.build": Kind.OTHER},
    name_prefixes=(
        ("workflow.run", Kind.CHAIN),
        ("executor.process", Kind.CHAIN),
        ("message.send", Kind.OTHER),
        ("edge_group.process", Kind.OTHER),
    ),
)

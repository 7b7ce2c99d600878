"""CrewAI, as OpenInference records it: no model spans, the task in attributes of the crew's span.

Reference: openinference-instrumentation-crewai, recorded in tests/corpus/crewai_openinference.
"""

from agentsight_otel.translation.dialects.base import Dialect

CREWAI = Dialect(
    name="crewai",
    scopes=("openinference.instrumentation.crewai",),
    input_value=("crew_inputs", "crew_tasks"),
)

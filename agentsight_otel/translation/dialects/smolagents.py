"""smolagents, as OpenInference records it: an answer is the call of a tool, a question follows a heading.

Reference: openinference-instrumentation-smolagents, recorded in tests/corpus/smolagents_openinference.
"""

from agentsight_otel.translation.dialects.base import Dialect

SMOLAGENTS = Dialect(
    name="smolagents",
    scopes=("openinference.instrumentation.smolagents",),
    answer_tools=("final_answer",),
    user_prefixes=("New task:\n",),
)

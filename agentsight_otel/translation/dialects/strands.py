"""Strands Agents: message events on spans; cycles repeat what their model spans say.

Reference: strands-agents 1.62, strands/telemetry/tracer.py.
"""

from agentsight_otel.translation.dialects.base import Dialect, Kind

STRANDS = Dialect(
    name="strands",
    scopes=("strands",),
    span_names={"execute_event_loop_cycle": Kind.CHAIN},
)

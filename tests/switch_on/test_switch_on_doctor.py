"""`doctor` says what becomes of spans under the OpenTelemetry set-up it finds."""

from __future__ import annotations

import pytest
from world import World

FOREIGN = """
from opentelemetry import trace

class Foreign(trace.TracerProvider):
    def get_tracer(self, *args, **kwargs):
        return trace.NoOpTracer()

trace.set_tracer_provider(Foreign())
"""
ADOPTED = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
trace.set_tracer_provider(TracerProvider())
"""
EXAMINE = """
from agentsight_otel.doctor import examine
for finding in examine():
    print(finding.level.value, finding.text, finding.advice)
"""


@pytest.mark.parametrize(
    ("before", "env", "said"),
    [
        ("", {}, "no TracerProvider is set"),
        (ADOPTED, {}, "TracerProvider is adopted"),
        (FOREIGN, {}, "takes no span processors"),
        ("", {"OTEL_SDK_DISABLED": "true"}, "no spans are made; tracked conversations are still delivered"),
        ("", {"OTEL_TRACES_SAMPLER": "always_off"}, "conversations are always recorded"),
        ("", {"OTEL_TRACES_EXPORTER": "otlp,agentsight"}, "OTEL_TRACES_EXPORTER names agentsight"),
        ("", {"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "256"}, "LIMIT=256: texts in spans are cut there"),
    ],
    ids=["none", "adopted", "foreign", "disabled", "sampled", "exporter", "cut"],
)
def test_doctor_explains(world: World, before: str, env: dict[str, str], said: str) -> None:
    """Each set-up that changes what is recorded is named, and none of them is a problem."""
    result = world.run_code(before + EXAMINE, **env)
    assert said in result.stdout
    assert "problem" not in result.stdout

"""instrument(): switch on whichever GenAI instrumentors are installed, one per library."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from agentsight_otel.pipeline.state import PIPELINE

logger = logging.getLogger("agentsight_otel")

GROUP = "opentelemetry_instrumentor"

OPENINFERENCE = "openinference"
OPENTELEMETRY = "opentelemetry"
TRACELOOP = "traceloop"
PREFERENCE = (OPENINFERENCE, TRACELOOP, OPENTELEMETRY)
"""The first family wins a library. OpenTelemetry's own comes last because it leaves texts out by default."""


def instrument(*, prefer: Sequence[str] = PREFERENCE, skip: Collection[str] = ()) -> dict[str, str]:
    """Switch on the installed GenAI instrumentors, one for each library, on the provider in use.

    Args:
        prefer: Families in order: ``openinference``, ``traceloop``, ``opentelemetry``. One that is not
            named is not used.
        skip: Libraries to leave alone, by entry point name, for example ``openai``.

    Returns:
        Library to family, for those that are on now, whoever switched them on.

    Raises:
        ValueError: *prefer* names an unknown family.
    """
    if unknown := set(prefer) - set(PREFERENCE):
        raise ValueError(f"unknown families: {', '.join(sorted(unknown))}; known: {', '.join(PREFERENCE)}")
    provider = PIPELINE.provider()
    switched_on: dict[str, str] = {}
    for library, family, point in _choices(prefer):
        if library in skip or library in switched_on:
            continue
        if _switch_on(point, provider):
            switched_on[library] = family
    return switched_on


def _choices(prefer: Sequence[str]) -> list[tuple[str, str, EntryPoint]]:
    found = []
    for point in entry_points(group=GROUP):
        family = _family(point)
        if family in prefer:
            found.append((point.name.replace("-", "_"), family, point))
    return sorted(found, key=lambda choice: (prefer.index(choice[1]), choice[0]))


def _family(point: EntryPoint) -> str:
    if point.module.startswith("openinference."):
        return OPENINFERENCE
    if point.module.startswith("opentelemetry.instrumentation.genai.") or point.module.endswith("_v2"):
        return OPENTELEMETRY
    links = point.dist.metadata.get_all("Project-URL", []) if point.dist is not None else []
    return TRACELOOP if any("traceloop/openllmetry" in link for link in links) else ""


def _switch_on(point: EntryPoint, provider: Any) -> bool:
    """Switch one instrumentor on; False when its library is missing or of a version it refuses."""
    try:
        instrumentor = point.load()()
    except (ImportError, AttributeError) as error:
        logger.warning(
            "agentsight-otel: cannot load the instrumentor %s: %s", point.name, type(error).__name__
        )
        return False
    if not instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.instrument(tracer_provider=provider)
    return bool(instrumentor.is_instrumented_by_opentelemetry)

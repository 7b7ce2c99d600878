"""Feedback on spans: OpenInference annotations and GenAI evaluation events.

Reference: Arize-ai/openinference spec/annotations.md; semantic-conventions-genai, event
gen_ai.evaluation.result.
"""

from __future__ import annotations

from typing import Any

import msgspec

from agentsight_otel.translation.dialects.base import Walk
from agentsight_otel.translation.dialects.events import EVALUATION
from agentsight_otel.translation.dialects.flattened import NO_OBJECTS, unflatten
from agentsight_otel.translation.dialects.values import as_text

_SCOPES = {"span annotations": "message", "trace annotations": "turn", "session annotations": "conversation"}


class Annotation(msgspec.Struct, frozen=True, gc=False):
    """What someone or something thinks of an answer.

    Attributes:
        name: What was judged.
        scope: ``message``, ``turn`` or ``conversation``.
        score: The number given, if any.
        label: The word given, if any.
        comment: Why.
        human: A person judged.
    """

    name: str
    scope: str
    score: float | None = None
    label: str | None = None
    comment: str | None = None
    human: bool = False


def read_annotations(found: Walk) -> tuple[Annotation, ...]:
    """Return the annotations and evaluations that a span carries."""
    if not found.span.events and _SCOPES.keys().isdisjoint(found.flat):
        return ()
    read: list[Annotation] = []
    for field, scope in _SCOPES.items():
        for paths, values in found.flat.get(field, NO_OBJECTS).objects():
            item = unflatten(paths, values)
            inner = item.get("annotation", item.get("evaluation")) if isinstance(item, dict) else None
            if isinstance(inner, dict):
                read.append(_annotation(inner, scope, human=_is_human(inner.get("annotator_kind"))))
    for event in found.span.events:
        if event.name == EVALUATION:
            fields = {
                key.removeprefix("gen_ai.evaluation."): value for key, value in event.attributes.items()
            }
            read.append(_annotation(fields, "message", human=False))
    return tuple(read)


def _annotation(fields: dict[str, Any], scope: str, *, human: bool) -> Annotation:
    score = fields.get("score", fields.get("score.value"))
    number = isinstance(score, int | float) and not isinstance(score, bool)
    return Annotation(
        as_text(fields.get("name")) or "feedback",
        scope,
        float(score) if number and score is not None else None,
        as_text(fields.get("label", fields.get("score.label"))),
        as_text(fields.get("explanation")),
        human,
    )


def _is_human(kind: Any) -> bool:
    return isinstance(kind, str) and kind.upper() == "HUMAN"

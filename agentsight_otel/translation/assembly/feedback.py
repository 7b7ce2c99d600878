"""Feedback spans: what people, models and programs think of an answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agentsight_otel import semconv
from agentsight_otel.enums import Sentiment
from agentsight_otel.translation.assembly.ids import span_id
from agentsight_otel.translation.assembly.logs import LOG_ONLY
from agentsight_otel.translation.assembly.trees import Node
from agentsight_otel.translation.dialects.annotations import Annotation
from agentsight_otel.translation.dialects.base import Kind
from agentsight_otel.translation.span_data import SpanData

_WORDS = {
    **dict.fromkeys(
        (
            "positive",
            "good",
            "up",
            "thumbs_up",
            "thumbs-up",
            "thumbs up",
            "like",
            "liked",
            "correct",
            "yes",
            "pass",
        ),
        Sentiment.POSITIVE,
    ),
    **dict.fromkeys(
        (
            "negative",
            "bad",
            "down",
            "thumbs_down",
            "thumbs-down",
            "thumbs down",
            "dislike",
            "incorrect",
            "no",
            "fail",
        ),
        Sentiment.NEGATIVE,
    ),
    "neutral": Sentiment.NEUTRAL,
}
_MIDDLE = 0.5


def feedback_spans(conversation_id: str, roots: list[Node]) -> Iterator[SpanData]:
    """Return a wire span for each annotation on the spans of a conversation.

    The kind is ``feedback`` for a person's judgement, ``evaluation`` for that of a model or a program.
    """
    for root in roots:
        for node in root.subtree():
            for index, annotation in enumerate(node.reading.annotations if node.reading.judges else ()):
                yield _feedback(conversation_id, node, annotation, index)


def _feedback(conversation_id: str, node: Node, annotation: Annotation, index: int) -> SpanData:
    source = node.span
    target = source.links[0] if node.kind is Kind.EVALUATOR and len(source.links) == 1 else source
    attributes: dict[str, Any] = {
        semconv.CONVERSATION_ID: conversation_id,
        semconv.SPAN_KIND: semconv.KIND_FEEDBACK if annotation.human else semconv.KIND_EVALUATION,
        semconv.FEEDBACK_NAME: annotation.name,
        semconv.FEEDBACK_SCOPE: annotation.scope,
        semconv.FEEDBACK_SOURCE: "customer" if annotation.human else "evaluation",
        semconv.FEEDBACK_TARGET_TRACE_ID: target.trace_id,
        semconv.FEEDBACK_TARGET_SPAN_ID: target.span_id,
    }
    optional = {
        semconv.FEEDBACK_SCORE: annotation.score,
        semconv.FEEDBACK_LABEL: annotation.label,
        semconv.FEEDBACK_COMMENT: annotation.comment,
        semconv.FEEDBACK_SENTIMENT: sentiment_of(annotation),
    }
    attributes |= {key: value for key, value in optional.items() if value is not None}
    return SpanData(
        source.trace_id,
        span_id("feedback", source.trace_id, source.span_id, annotation.scope, annotation.name, str(index)),
        f"feedback {annotation.name}",
        source.end_ns,
        source.end_ns,
        parent_span_id=(target if LOG_ONLY in source.attributes else source).span_id,
        attributes=attributes,
        resource=source.resource,
        scope=source.scope,
    )


def sentiment_of(annotation: Annotation) -> str | None:
    """Return what a label or a score between 0 and 1 amounts to, None where neither says."""
    word = _WORDS.get((annotation.label or "").strip().lower())
    if word is not None:
        return word.value
    if annotation.score is None:
        return None
    if annotation.score == _MIDDLE:
        return Sentiment.NEUTRAL.value
    return (Sentiment.POSITIVE if annotation.score > _MIDDLE else Sentiment.NEGATIVE).value

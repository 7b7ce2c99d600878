"""Which conversation the code that is running belongs to.

The innermost of: a `conversation()` block or `configure(conversation_id=…)` of this thread or task; the
OpenTelemetry Context; W3C Baggage from another service. None of them crosses into a thread or task that
named a conversation of its own.
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from typing import Any

from opentelemetry import baggage
from opentelemetry import context as otel_context
from opentelemetry.context import Context

from agentsight_otel import semconv
from agentsight_otel.tracking import propagation, shapes
from agentsight_otel.tracking.timeline import Timeline, Timelines


class Conversation:
    """A conversation as the running code sees it.

    Attributes:
        id: The caller's id; None until something tracked before naming gets its name.
        fields: What is known of it, as `validation.conversation_fields` gives it.
        enabled: False inside ``conversation(enabled=False)``, where nothing live is recorded.
        timeline: Its timeline in *registry*, once looked up.
        registry: The tracker's timelines that *timeline* belongs to.
        owner: The timelines of the tracker that named it; None for `conversation()`, which is everybody's.
    """

    __slots__ = ("enabled", "fields", "id", "owner", "registry", "timeline")

    def __init__(
        self,
        conversation_id: str | None,
        fields: dict[str, str] | None = None,
        *,
        enabled: bool = True,
        owner: Timelines | None = None,
    ) -> None:
        self.id = conversation_id
        self.fields = fields or {}
        self.enabled = enabled
        self.timeline: Timeline | None = None
        self.registry: Timelines | None = None
        self.owner = owner

    def bind(self, registry: Timelines) -> Timeline:
        """Return the timeline of this conversation in *registry*, and remember it."""
        timeline = registry.unnamed() if self.id is None else registry.get(self.id)
        if self.fields:
            timeline.know(self.fields)
        self.timeline, self.registry = timeline, registry
        return timeline

    def attributes(self) -> dict[str, Any]:
        """Return what every span of the conversation carries; empty while it has no id."""
        return shapes.identity(self.id, self.fields) if self.id is not None else {}


CURRENT: ContextVar[Conversation | None] = ContextVar("agentsight_conversation", default=None)
"""Set by `conversation()` and by the tracker; everything else reads it through `current`."""

_SPAN_ID = re.compile("[0-9a-f]{16}")
_KEY = otel_context.create_key("agentsight-conversation")


def current() -> Conversation | None:
    """Return the conversation of the running code, or None."""
    return CURRENT.get() or from_context(otel_context.get_current())


def from_context(context: Context) -> Conversation | None:
    """Return the conversation that an OpenTelemetry Context carries, itself or as baggage."""
    if not context:
        return None
    carried = otel_context.get_value(_KEY, context)
    if isinstance(carried, Conversation):
        return carried
    conversation_id = propagation.text_of(semconv.CONVERSATION_ID, context)
    if conversation_id is None:
        return None
    return Conversation(conversation_id, propagation.fields_of(context))


def into_context(conversation: Conversation, context: Context) -> Context:
    """Return *context* with the conversation in it, and in the baggage what travels of it."""
    context = otel_context.set_value(_KEY, conversation, context)
    if conversation.id is None or not conversation.enabled:
        return context
    return propagation.put(conversation.id, conversation.fields, context)


def leave(inside: Context, before: Context) -> None:
    """Put *before* back where *inside* is the Context of the running code; elsewhere nothing is ours to undo.

    Without the token of `attach`: what closes an abandoned asynchronous generator runs in a copy of its
    context, where the token is refused.
    """
    if otel_context.get_current() is inside:
        otel_context.attach(before)


def carry_turn(turn_id: str, context: Context) -> Context:
    """Return *context* with the open turn in the baggage, if its conversation travels there."""
    if baggage.get_baggage(semconv.CONVERSATION_ID, context) is None:
        return context
    return baggage.set_baggage(semconv.TURN_ID, turn_id, context)


def carried_turn(context: Context, conversation_id: str) -> str | None:
    """Return the id of the turn of a conversation that another service has open, as the baggage says."""
    turn_id = propagation.text_of(semconv.TURN_ID, context)
    if turn_id is None or propagation.text_of(semconv.CONVERSATION_ID, context) != conversation_id:
        return None
    return turn_id if _SPAN_ID.fullmatch(turn_id) else None

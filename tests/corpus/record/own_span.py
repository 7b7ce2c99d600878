"""For instrumentations that know no conversations: a span of the application's own carries the ids."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from shape import Conversation


@contextmanager
def own_span(conversation: Conversation) -> Iterator[None]:
    """A span around a turn with the ids on it, by OpenTelemetry's generic names."""
    with trace.get_tracer("lamp-shop").start_as_current_span("answer") as span:
        if conversation.id:
            span.set_attribute("session.id", conversation.id)
        if conversation.customer:
            span.set_attribute("user.id", conversation.customer)
        yield

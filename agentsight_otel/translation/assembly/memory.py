"""What assembly remembers of conversations whose spans have left: bounded, and only to do better."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Generic, TypeVar

import msgspec

from agentsight_otel.translation.assembly.lanes import Lane

V = TypeVar("V")

_CONVERSATIONS = 2_000
_TRACES = 20_000
_RESPONSES = 20_000
_TAILS = 20_000


class Recent(Generic[V]):
    """A mapping that forgets what was not used for longest."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._items: OrderedDict[str, V] = OrderedDict()

    def get(self, key: str) -> V | None:
        """Return the value and count it as used."""
        value = self._items.get(key)
        if value is not None:
            self._items.move_to_end(key)
        return value

    def put(self, key: str, value: V) -> None:
        """Remember a value."""
        self._items[key] = value
        self._items.move_to_end(key)
        if len(self._items) > self._size:
            self._items.popitem(last=False)

    def __len__(self) -> int:
        return len(self._items)


class OpenTurn(msgspec.Struct):
    """The turn a conversation is in.

    Attributes:
        span_id: Of the turn's wire span.
        trace_id: Of the turn's wire span.
        answered: The agent has replied.
    """

    span_id: str
    trace_id: str
    answered: bool


class Conversation(msgspec.Struct):
    """What is remembered of one conversation."""

    main: Lane = msgspec.field(default_factory=Lane)
    nested: list[Lane] = []
    turn: OpenTurn | None = None
    customer: str | None = None
    metadata: dict[str, Any] = {}


class Memory:
    """The conversations, traces and responses seen of late."""

    def __init__(self) -> None:
        self._conversations: Recent[Conversation] = Recent(_CONVERSATIONS)
        self.traces: Recent[str] = Recent(_TRACES)
        """Conversation id by trace id."""
        self.delivered: Recent[set[str]] = Recent(_TRACES)
        """Span ids that have left, by trace id."""
        self.responses: Recent[str] = Recent(_RESPONSES)
        """Conversation id by response id."""
        self.tails: Recent[str] = Recent(_TAILS)
        """Conversation id by what its history ended with; "" where several conversations ended so."""

    def conversation(self, conversation_id: str) -> Conversation:
        """Return what is remembered of a conversation, new when nothing is."""
        known = self._conversations.get(conversation_id)
        if known is None:
            known = Conversation()
            self._conversations.put(conversation_id, known)
        return known

"""What assembly remembers of conversations whose spans have left: bounded, and only to do better."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, Generic, TypeVar

import msgspec

from agentsight_otel.translation.assembly.lanes import Lane

K = TypeVar("K")
V = TypeVar("V")

_CONVERSATIONS = 2_000
_TRACES = 20_000
_SPANS = 10_000
_RESPONSES = 20_000
_TAILS = 20_000
_TURNS = 2_000
_ACTIONS = 200
_SIGHTINGS = 64


class Recent(Generic[K, V]):
    """A mapping that forgets what was not used for longest."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._items: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        """Return the value and count it as used."""
        value = self._items.get(key)
        if value is not None:
            self._items.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> None:
        """Remember a value."""
        self._items[key] = value
        self._items.move_to_end(key)
        if len(self._items) > self._size:
            self._items.popitem(last=False)

    def __len__(self) -> int:
        return len(self._items)


class KnownAction(msgspec.Struct, gc=False):
    """A tool run that has left.

    Attributes:
        span_id: Of its wire span.
        end_ns: When it, or the call that asked for it, ended.
        done: Its result or its failure is known.
        ran: A span told of it.
    """

    span_id: str
    end_ns: int
    done: bool
    ran: bool


class Sighting(msgspec.Struct, gc=False):
    """A model call that has left, by which the sighting of another instrumentation is known for the same.

    Attributes:
        trace_id: Of its span.
        scope: Name of the instrumentation.
        start_ns: When it began.
        end_ns: When it ended.
        tokens: How many the model wrote, None when not counted.
        spoken: Signature of what it said, and the tools it asked for.
    """

    trace_id: str
    scope: str
    start_ns: int
    end_ns: int
    tokens: int | None
    spoken: tuple[int | str | None, ...]


class Conversation(msgspec.Struct):
    """What is remembered of one conversation.

    Attributes:
        main: The history of the agent the user talks to.
        nested: The histories of the agents it asks.
        actions: The latest tool runs that have left, by the id of their call.
        sightings: The latest model calls that have left.
        answered_ns: When the agent answered last.
        customer: Who it is with.
        metadata: Of the conversation.
    """

    main: Lane = msgspec.field(default_factory=Lane)
    nested: list[Lane] = []
    actions: dict[str, KnownAction] = {}
    sightings: list[Sighting] = []
    answered_ns: int = 0
    customer: str | None = None
    metadata: dict[str, Any] = {}

    def note_action(self, call_id: str, action: KnownAction) -> None:
        """Remember a tool run, and forget the oldest beyond a limit."""
        self.actions.pop(call_id, None)
        self.actions[call_id] = action
        if len(self.actions) > _ACTIONS:
            del self.actions[next(iter(self.actions))]

    def note_sightings(self, sightings: list[Sighting]) -> None:
        """Remember model calls, and forget the oldest beyond a limit."""
        self.sightings = [*self.sightings, *sightings][-_SIGHTINGS:]


class Memory:
    """The conversations, traces and responses seen of late."""

    def __init__(self) -> None:
        self._conversations: Recent[str, Conversation] = Recent(_CONVERSATIONS)
        self.traces: Recent[str, str] = Recent(_TRACES)
        """Conversation id by trace id."""
        self.delivered: Recent[str, set[str]] = Recent(_TRACES)
        """Span ids that have left, by trace id."""
        self.responses: Recent[str, str] = Recent(_RESPONSES)
        """Conversation id by response id."""
        self.told: Recent[str, str] = Recent(_RESPONSES)
        """Conversation id by response id, of what has left."""
        self.tails: Recent[int, str] = Recent(_TAILS)
        """Conversation id by the hash of what its history ended with; "" where several ended so."""

        self._recorded: Recent[str, set[str]] = Recent(_TURNS)

    def note_left(self, trace_id: str, span_ids: Iterable[str]) -> None:
        """Remember that spans have left; a trace that never ends begins anew after a while."""
        left = self.delivered.get(trace_id)
        if left is None or len(left) >= _SPANS:
            left = set()
            self.delivered.put(trace_id, left)
        left.update(span_ids)

    def note_recorded(self, turn_id: str, name: str) -> None:
        """Remember a tool that a turn of ours recorded itself."""
        names = self._recorded.get(turn_id)
        if names is None:
            names = set()
            self._recorded.put(turn_id, names)
        names.add(name)

    def recorded(self, turn_id: str) -> set[str]:
        """Return the names of the tools that a turn of ours recorded itself."""
        return self._recorded.get(turn_id) or set()

    def conversation(self, conversation_id: str) -> Conversation:
        """Return what is remembered of a conversation, new when nothing is."""
        known = self._conversations.get(conversation_id)
        if known is None:
            known = Conversation()
            self._conversations.put(conversation_id, known)
        return known

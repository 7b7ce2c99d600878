"""TurnScope and the spans of the live API: the same shapes as tracked ones, as they happen."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from contextvars import Context as VarContext
from contextvars import copy_context
from types import TracebackType
from typing import Any, Self, TypeVar

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span

from agentsight_otel import semconv
from agentsight_otel._version import __version__
from agentsight_otel.enums import Sender
from agentsight_otel.exceptions import InvalidConversationDataException
from agentsight_otel.guard import guarded
from agentsight_otel.tracking import shapes, streams
from agentsight_otel.tracking import validation as valid
from agentsight_otel.tracking.context import Conversation, carried_turn, carry_turn, current, leave
from agentsight_otel.tracking.endings import Said, add_messages, end_span, outcome_of
from agentsight_otel.tracking.ids import conversation_trace_id, new_span_id
from agentsight_otel.tracking.limits import messages_per_turn
from agentsight_otel.tracking.tracers import IDS, TracerGetter, own, sampled

T = TypeVar("T")

logger = logging.getLogger("agentsight_otel")

ERROR = "error"
ABANDONED = "abandoned"
DEADLINE = "deadline"
SHUTDOWN = "shutdown"

_PLACE_KEY = otel_context.create_key("agentsight-turn")
_USER, _AGENT = Sender.USER.value, Sender.AGENT.value
_NO_SPAN = trace.INVALID_SPAN

# A set of references, for a weak dictionary takes ten times as long for each turn.
_open: set[weakref.ref[TurnScope]] = set()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_open.clear)  # a parent's turns are for the parent to end


class _Place:
    """What a Context holds of a turn: the turn, while it is open.

    An ended turn and the Context inside it would keep each other until the garbage collector comes.
    """

    __slots__ = ("turn",)

    def __init__(self) -> None:
        self.turn: TurnScope | None = None


class _Binding:
    """Where live spans are started; the global provider until `bind` says otherwise."""

    def __init__(self) -> None:
        self.getter: TracerGetter = lambda: trace.get_tracer("agentsight_otel", __version__)


_binding = _Binding()


def bind(getter: TracerGetter) -> None:
    """Make the live API start its spans on the tracer that *getter* gives."""
    _binding.getter = getter


def start_span(conversation: Conversation, name: str, attributes: dict[str, Any]) -> Span | None:
    """Start a span of *conversation* where the running code is; None when nothing records."""
    if conversation.id is None:
        return None
    here = otel_context.get_current()
    turn_id = turn_id_in(here, conversation.id)
    in_turn = {semconv.TURN_ID: turn_id} if turn_id is not None else {}
    return _start(conversation, name, _parent(here, conversation), in_turn | attributes)


def current_turn() -> TurnScope | None:
    """Return the turn of the running code that is still open and of the current conversation."""
    return _turn_in(otel_context.get_current(), current())


def turn_id_in(context: Context, conversation_id: str) -> str | None:
    """Return the id of the open turn of a conversation that a Context carries, itself or as baggage."""
    place = context.get(_PLACE_KEY)
    if not isinstance(place, _Place):
        return carried_turn(context, conversation_id)
    turn = place.turn
    return turn.turn_id if turn is not None and turn.conversation_id == conversation_id else None


def end_open_turns() -> None:
    """End the turns of this process that are still open as incomplete, with the reason ``shutdown``."""
    for reference in _open.copy():
        if (turn := reference()) is not None:
            turn.finish(complete=False, reason=SHUTDOWN)


def _turn_in(context: Context, conversation: Conversation | None) -> TurnScope | None:
    place = context.get(_PLACE_KEY)
    turn = place.turn if isinstance(place, _Place) else None
    if turn is None or conversation is None or turn.conversation_id != conversation.id:
        return None
    return turn


def _parent(context: Context, conversation: Conversation) -> Context:
    """Return a Context with the span to start under: a host that does not sample cannot silence us."""
    inside = trace.get_current_span(context)
    if inside is not _NO_SPAN and sampled(inside):
        return context
    turn = _turn_in(context, conversation)
    span = turn.span if turn is not None and turn.span is not None else _NO_SPAN
    return context if span is inside else trace.set_span_in_context(span, context)


def _start(
    conversation: Conversation,
    name: str,
    parent: Context,
    attributes: dict[str, Any],
    span_id: str | None = None,
    start_ns: int | None = None,
) -> Span | None:
    """Start a span of *conversation*, by itself in the conversation's own trace; None if nothing records."""
    tracer = own(_binding.getter())
    if tracer is None or conversation.id is None or not conversation.enabled:
        return None
    return IDS.start(
        tracer,
        name,
        parent,
        conversation.attributes() | attributes,
        trace_id=conversation_trace_id(conversation.id),
        span_id=span_id,
        start_ns=start_ns,
    )


class TurnScope:
    """One exchange: what the user said, what happened, what the agent said.

    Open for the ``with`` block, or, after `wrap` or `keep_open`, until that ends.

    Attributes:
        turn_id: The id of its span, 16 hexadecimal digits; None when nothing records.
        span: Its span, or None.
    """

    def __init__(self, name: str | None = None, *, deadline: float | None = None) -> None:
        self.name = name or shapes.TURN_SPAN_NAME
        self.turn_id: str | None = None
        self.span: Span | None = None
        self.open = False
        self._conversation: Conversation | None = None
        self._said: list[Said] = []
        self._deferred = False
        self._deadline = deadline
        self._timer: threading.Timer | None = None
        self._attached: tuple[Context, Context] | None = None
        self._inside: VarContext | None = None
        self._place = _Place()
        self._parent: Context
        self._reference: weakref.ref[TurnScope]
        # Reentrant: a collected stream may end its turn while this thread is in here.
        self._lock = threading.RLock()

    @property
    def conversation_id(self) -> str | None:
        """The conversation it belongs to."""
        return self._conversation.id if self._conversation is not None else None

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace_: TracebackType | None
    ) -> None:
        self._detach()
        if error is not None:
            self.ended(error)
        elif not self._deferred:
            self.finish()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace_: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace_)

    def user_message(self, text: object, metadata: Any = None) -> None:
        """Add what the user said; blank text is nothing said."""
        self._say(_USER, text, metadata)

    def agent_message(self, text: object, metadata: Any = None) -> None:
        """Add what the agent said; blank text is nothing said."""
        self._say(_AGENT, text, metadata)

    def keep_open(self) -> Self:
        """Stay open after the block, until `end` or `abandon`."""
        self._deferred = True
        return self

    def wrap(self, obj: T) -> T:
        """Stay open until *obj* ends, and return it.

        Takes a response with a ``body_iterator``, an iterator, an asynchronous iterator, a future or an
        awaitable. What it does while it is consumed happens inside this turn.
        """
        self._deferred = True
        context = self._inside.copy() if self._inside is not None else copy_context()
        followed: T = streams.follow(obj, context, self.ended)
        return followed

    def end(self, *, complete: bool = True, reason: str | None = None) -> None:
        """End the turn."""
        self.finish(complete=complete, reason=reason)

    def abandon(self) -> None:
        """End the turn as one that will never be complete."""
        self.finish(complete=False, reason=ABANDONED)

    def ended(self, error: BaseException | None) -> None:
        """End the turn as what it followed ended: normally, given up, or with an error."""
        if error is None:
            self.finish()
        elif isinstance(error, Exception):
            self.finish(complete=False, reason=ERROR, error=error)
        else:
            self.finish(complete=False, reason=ABANDONED)

    def finish(
        self, *, complete: bool = True, reason: str | None = None, error: Exception | None = None
    ) -> None:
        """End the turn; only the first call counts.

        Args:
            complete: Whether the exchange came to its end.
            reason: Why not: ``error``, ``abandoned``, ``deadline`` or ``shutdown``.
            error: What was raised.
        """
        with self._lock:
            if not self.open:
                return
            self.open = False
            self._place.turn = None
        _open.discard(self._reference)
        if self._timer is not None:
            self._timer.cancel()
        self._write(complete, None if complete else reason or ABANDONED, error)

    @guarded(None)
    def _start(self) -> None:
        conversation = current()
        if conversation is None or not conversation.enabled:
            return
        here = otel_context.get_current()
        self._conversation = conversation
        self._parent = _parent(here, conversation)
        turn_id, self.span = self._begin(conversation)
        if self.span is None:
            return
        self.turn_id = turn_id
        self.open = True
        self._place.turn = self
        self._reference = weakref.ref(self, _open.discard)
        _open.add(self._reference)
        carrying = carry_turn(turn_id, trace.set_span_in_context(self.span, here))
        attached = otel_context.set_value(_PLACE_KEY, self._place, carrying)
        otel_context.attach(attached)
        self._attached = attached, here
        self._inside = copy_context()
        if self._deadline is not None:
            self._timer = threading.Timer(
                self._deadline, self.finish, kwargs={"complete": False, "reason": DEADLINE}
            )
            self._timer.daemon = True
            self._timer.start()

    def _detach(self) -> None:
        attached, self._attached = self._attached, None
        if attached is not None:
            leave(*attached)

    def _say(self, sender: str, text: object, metadata: Any) -> None:
        if text is None or not str(text).strip():
            return
        content = valid.message_text(text, InvalidConversationDataException)
        snapshot = valid.metadata_json(metadata)
        with self._lock:
            last = self._said[-1].time_ns if self._said else 0
            stamp = max(time.time_ns() // 1000 * 1000, last + 1000)
            if self.open:
                self._said.append(Said(stamp, sender, content, snapshot))

    @guarded(None)
    def _write(self, complete: bool, reason: str | None, error: Exception | None) -> None:
        span, conversation, limit = self.span, self._conversation, messages_per_turn()
        if span is None or conversation is None:
            return
        outcome, status = outcome_of(complete, reason, error)
        texts, left = add_messages(span, self._said, limit)
        end_span(span, texts | outcome, status)
        while left:
            # The host keeps fewer events in a span than this turn has messages: it goes on in another.
            _, span = self._begin(conversation, left[0].time_ns)
            if span is None:
                return
            before = len(left)
            texts, left = add_messages(span, left, limit)
            end_span(span, texts | outcome, status, left[0].time_ns if left else None)
            if len(left) == before:
                return

    def _begin(self, conversation: Conversation, start_ns: int | None = None) -> tuple[str, Span | None]:
        """Start a span of this turn; its id is chosen before, for the span's attributes have it."""
        span_id = new_span_id()
        attributes = shapes.turn(self.name, span_id)
        return span_id, _start(conversation, self.name, self._parent, attributes, span_id, start_ns)

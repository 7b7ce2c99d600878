"""TurnScope and the spans of the live API: the same shapes as tracked ones, as they happen."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from contextvars import Context as VarContext
from contextvars import Token, copy_context
from types import TracebackType
from typing import Any, NamedTuple, Self

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, Status, StatusCode

from agentsight_otel import semconv
from agentsight_otel._version import __version__
from agentsight_otel.enums import Sender
from agentsight_otel.exceptions import InvalidConversationDataException
from agentsight_otel.guard import guarded
from agentsight_otel.tracking import shapes, streams
from agentsight_otel.tracking import validation as valid
from agentsight_otel.tracking.context import Conversation, carried_turn, carry_turn, current
from agentsight_otel.tracking.ids import conversation_trace_id
from agentsight_otel.tracking.limits import messages_per_turn
from agentsight_otel.tracking.tracers import IDS, TracerGetter, own, sampled

logger = logging.getLogger("agentsight_otel")

ERROR = "error"
ABANDONED = "abandoned"
DEADLINE = "deadline"
SHUTDOWN = "shutdown"

_TURN_KEY = otel_context.create_key("agentsight-turn")

_open: weakref.WeakValueDictionary[int, TurnScope] = weakref.WeakValueDictionary()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_open.clear)  # a parent's turns are for the parent to end


class Said(NamedTuple):
    """One message of a live turn."""

    time_ns: int
    sender: str
    content: str
    metadata: str


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
    tracer = own(_binding.getter())
    if tracer is None or conversation.id is None or not conversation.enabled:
        return None
    running = current_turn()
    turn_id = turn_id_in(otel_context.get_current(), conversation.id)
    in_turn = {semconv.TURN_ID: turn_id} if turn_id is not None else {}
    with IDS.choose(conversation_trace_id(conversation.id)):
        return tracer.start_span(
            name,
            context=_parent(running),
            attributes=conversation.attributes() | in_turn | attributes,
        )


def current_turn() -> TurnScope | None:
    """Return the turn of the running code that is still open and of the current conversation."""
    turn = otel_context.get_value(_TURN_KEY)
    conversation = current()
    if isinstance(turn, TurnScope) and turn.open and conversation is not None:
        return turn if turn.conversation_id == conversation.id else None
    return None


def turn_id_in(context: Context, conversation_id: str) -> str | None:
    """Return the id of the open turn of a conversation that a Context carries, itself or as baggage."""
    turn = otel_context.get_value(_TURN_KEY, context)
    if not isinstance(turn, TurnScope):
        return carried_turn(context, conversation_id)
    return turn.turn_id if turn.open and turn.conversation_id == conversation_id else None


def end_open_turns() -> None:
    """End the turns of this process that are still open as incomplete, with the reason ``shutdown``."""
    for reference in _open.valuerefs():
        if (turn := reference()) is not None:
            turn.finish(complete=False, reason=SHUTDOWN)


def _parent(turn: TurnScope | None) -> Context:
    """Return a Context with the span to start under: a host that does not sample cannot silence us."""
    context = otel_context.get_current()
    if sampled(trace.get_current_span(context)):
        return context
    span = turn.span if turn is not None and turn.span is not None else trace.INVALID_SPAN
    return trace.set_span_in_context(span, context)


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
        self._token: Token[Context] | None = None
        self._attached: Context | None = None
        self._inside: VarContext | None = None
        self._parent: Context | None = None
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
        self._say(Sender.USER.value, text, metadata)

    def agent_message(self, text: object, metadata: Any = None) -> None:
        """Add what the agent said; blank text is nothing said."""
        self._say(Sender.AGENT.value, text, metadata)

    def keep_open(self) -> Self:
        """Stay open after the block, until `end` or `abandon`."""
        self._deferred = True
        return self

    def wrap(self, obj: Any) -> Any:
        """Stay open until *obj* ends, and return it.

        Takes a response with a ``body_iterator``, an iterator, an asynchronous iterator, a future or an
        awaitable. What it does while it is consumed happens inside this turn.
        """
        self._deferred = True
        context = self._inside.copy() if self._inside is not None else copy_context()
        return streams.follow(obj, context, self.ended)

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
        _open.pop(id(self), None)
        if self._timer is not None:
            self._timer.cancel()
        self._write(complete, None if complete else reason or ABANDONED, error)

    @guarded(None)
    def _start(self) -> None:
        conversation = current()
        if conversation is None or not conversation.enabled:
            return
        self._conversation = conversation
        self._parent = _parent(current_turn())
        self.span = start_span(conversation, self.name, shapes.turn(self.name, ""))
        if self.span is None:
            return
        self.turn_id = f"{self.span.get_span_context().span_id:016x}"
        self.span.set_attribute(semconv.TURN_ID, self.turn_id)
        self.open = True
        _open[id(self)] = self
        carrying = carry_turn(self.turn_id, trace.set_span_in_context(self.span))
        self._attached = otel_context.set_value(_TURN_KEY, self, carrying)
        self._token = otel_context.attach(self._attached)
        self._inside = copy_context()
        if self._deadline is not None:
            self._timer = threading.Timer(
                self._deadline, self.finish, kwargs={"complete": False, "reason": DEADLINE}
            )
            self._timer.daemon = True
            self._timer.start()

    def _detach(self) -> None:
        # A block may be left in another context than it was entered in (a collected async generator);
        # there is nothing of ours to undo there.
        if self._token is not None and otel_context.get_current() is self._attached:
            otel_context.detach(self._token)
        self._token = None

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
        left = _write_messages(span, self._said, limit)
        _close(span, complete, reason, error)
        while left:
            # The host keeps fewer events in a span than this turn has messages: it goes on in another.
            span = self._continue(conversation, left[0].time_ns)
            if span is None:
                return
            before = len(left)
            left = _write_messages(span, left, limit)
            _close(span, complete, reason, error, left[0].time_ns if left else None)
            if len(left) == before:
                return

    def _continue(self, conversation: Conversation, start_ns: int) -> Span | None:
        tracer = own(_binding.getter())
        if tracer is None or conversation.id is None:
            return None
        with IDS.choose(conversation_trace_id(conversation.id)):
            span = tracer.start_span(
                self.name,
                context=self._parent,
                attributes=conversation.attributes() | shapes.turn(self.name, ""),
                start_time=start_ns,
            )
        span.set_attribute(semconv.TURN_ID, f"{span.get_span_context().span_id:016x}")
        return span


def _write_messages(span: Span, said: list[Said], limit: int) -> list[Said]:
    """Add at most *limit* messages to *span*; return those it did not keep."""
    chunk, rest = said[:limit], said[limit:]
    for message in chunk:
        attributes = shapes.message_event(message.sender, message.content, message.metadata)
        span.add_event(semconv.MESSAGE_EVENT, attributes, message.time_ns)
    dropped = getattr(span, "dropped_events", 0)
    kept = chunk[dropped:]
    span.set_attributes(shapes.turn_messages((message.sender, message.content) for message in kept))
    return chunk[:dropped] + rest


def _close(
    span: Span, complete: bool, reason: str | None, error: Exception | None, end_ns: int | None = None
) -> None:
    span.set_attribute(semconv.TURN_COMPLETE, complete)
    if complete:
        span.set_status(Status(StatusCode.OK))
    else:
        span.set_attribute(semconv.TURN_INCOMPLETE_REASON, reason or ABANDONED)
        span.set_status(Status(StatusCode.ERROR, str(error) if error is not None else reason))
    if error is not None:
        span.set_attribute(semconv.ERROR_TYPE, type(error).__qualname__)
    span.end(end_ns)

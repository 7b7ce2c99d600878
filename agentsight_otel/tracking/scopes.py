"""The live API: conversations, turns and tools as context managers and decorators."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from contextvars import copy_context
from types import TracebackType
from typing import Any, NamedTuple, ParamSpec, Self, TypeVar, overload

from opentelemetry import context as otel_context
from opentelemetry.context import Context

from agentsight_otel.helpers import generate_conversation_id
from agentsight_otel.tracking import validation as valid
from agentsight_otel.tracking.context import CURRENT, Conversation, current, into_context
from agentsight_otel.tracking.decorate import decorate
from agentsight_otel.tracking.live import TurnScope, bind
from agentsight_otel.tracking.streams import follow, is_stream

__all__ = ["ConversationScope", "TurnCall", "bind", "carry_context", "conversation", "turn"]

F = TypeVar("F", bound=Callable[..., Any])
P = ParamSpec("P")
R = TypeVar("R")


class _Entry(NamedTuple):
    """One entry into a scope, which several threads and tasks may share."""

    attached: Context
    before: Context
    conversation_before: Conversation | None


class ConversationScope:
    """Everything inside belongs to one conversation: spans, messages, tracked items.

    A context manager (also ``async with``) and a decorator; decorated, every call without an id is a
    conversation of its own.
    """

    def __init__(self, conversation_id: str | None, fields: dict[str, str], *, enabled: bool) -> None:
        self._given_id = conversation_id
        self._fields = fields
        self._enabled = enabled
        self._entries: list[_Entry] = []
        self.conversation_id = conversation_id or generate_conversation_id()

    def __enter__(self) -> Self:
        conversation = Conversation(self.conversation_id, dict(self._fields), enabled=self._enabled)
        before = otel_context.get_current()
        attached = into_context(conversation, before)
        self._entries.append(_Entry(attached, before, CURRENT.get()))
        otel_context.attach(attached)
        CURRENT.set(conversation)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        here = otel_context.get_current()
        for entry in self._entries:
            if entry.attached is here:
                self._entries.remove(entry)
                otel_context.attach(entry.before)
                CURRENT.set(entry.conversation_before)
                return

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def __call__(self, function: F) -> F:
        """Decorate a function."""
        return decorate(function, lambda _: self._fresh())

    def returned(self, value: Any) -> Any:
        """Return what the decorated function returned; a stream goes on inside the conversation."""
        return follow(value, copy_context(), lambda _: None) if is_stream(value) else value

    def yielded(self, value: Any) -> None:
        """Let what the decorated generator yields pass."""

    def _fresh(self) -> ConversationScope:
        return ConversationScope(self._given_id, self._fields, enabled=self._enabled)


class TurnCall:
    """A turn around a block or around every call of a function, in a conversation if none is open."""

    def __init__(
        self,
        name: str | None,
        id_from: str | Callable[..., str | None] | None,
        infer: bool,
        deadline: float | None,
        fields: dict[str, Any],
    ) -> None:
        self._name = name
        self._id_from = id_from
        self._infer = infer
        self._deadline = deadline
        self._fields = fields
        self._conversation: ConversationScope | None = None
        self._turn: TurnScope  # while it is entered
        self._arguments: Mapping[str, Any] = {}
        self._chunks: list[str] = []

    def __enter__(self) -> TurnScope:
        named = self._conversation_id()
        outer = current()
        if outer is None or (outer.enabled and (named or self._fields or outer.id is None)):
            self._conversation = conversation(named, **self._fields)
            self._conversation.__enter__()
        self._turn = TurnScope(self._name, deadline=self._deadline)
        self._turn.__enter__()
        if self._infer:
            self._turn.user_message(self._first_text(named))
        return self._turn

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._infer and self._chunks:
            self._turn.agent_message("".join(self._chunks))
        self._turn.__exit__(kind, error, trace)
        opened, self._conversation = self._conversation, None
        if opened is not None:
            opened.__exit__(kind, error, trace)

    async def __aenter__(self) -> TurnScope:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def __call__(self, function: F) -> F:
        """Decorate a function."""
        return decorate(function, functools.partial(self._for_call, getattr(function, "__name__", None)))

    def returned(self, value: Any) -> Any:
        """Take what the function returned: a stream keeps the turn open, a text may be the answer."""
        if is_stream(value):
            return self._turn.wrap(value)
        if self._infer and isinstance(value, str):
            self._turn.agent_message(value)
        return value

    def yielded(self, value: Any) -> None:
        """Collect the answer of a generator of texts."""
        if self._infer and isinstance(value, str):
            self._chunks.append(value)

    def _for_call(self, function_name: str | None, arguments: Mapping[str, Any]) -> TurnCall:
        call = TurnCall(self._name or function_name, self._id_from, self._infer, self._deadline, self._fields)
        call._arguments = arguments
        return call

    def _conversation_id(self) -> str | None:
        if callable(self._id_from):
            return self._id_from(**self._arguments)
        return self._arguments.get(self._id_from) if self._id_from is not None else None

    def _first_text(self, conversation_id: str | None) -> str | None:
        texts = (value for value in self._arguments.values() if isinstance(value, str))
        return next((text for text in texts if text.strip() and text != conversation_id), None)


def conversation(
    conversation_id: str | None = None,
    *,
    customer_id: str | None = None,
    customer_ip_address: str | None = None,
    device: str | None = None,
    source: str | None = None,
    language: str | None = None,
    name: str | None = None,
    environment: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    enabled: bool = True,
) -> ConversationScope:
    """Open a conversation for a block or for every call of a function.

    Args:
        conversation_id: At most 255 characters; generated when missing or blank.
        customer_id: At most 255 characters.
        customer_ip_address: An IPv4 or IPv6 address.
        device: At most 255 characters.
        source: At most 255 characters.
        language: At most 255 characters.
        name: At most 255 characters.
        environment: Environment slug.
        metadata: Anything; a snapshot is taken now. Id, customer and metadata travel on to other services in
            W3C Baggage, metadata up to 2,048 bytes; see the setting ``propagate``.
        enabled: False records nothing live inside.

    Raises:
        InvalidConversationDataException: A field is too long or malformed.
    """
    blank = conversation_id is None or (isinstance(conversation_id, str) and not conversation_id.strip())
    fields = valid.conversation_fields(
        customer_id=customer_id,
        customer_ip_address=customer_ip_address,
        device=device,
        source=source,
        language=language,
        name=name,
        environment=environment,
        metadata=metadata,
    )
    return ConversationScope(
        None if blank else valid.conversation_id(conversation_id), fields, enabled=enabled
    )


@overload
def turn(func_or_name: F, /) -> F: ...
@overload
def turn(
    func_or_name: str | None = None,
    *,
    name: str | None = None,
    id_from: str | Callable[..., str | None] | None = None,
    infer: bool = False,
    deadline: float | None = None,
    **conversation_fields: Any,
) -> TurnCall: ...
def turn(
    func_or_name: Any = None,
    *,
    name: str | None = None,
    id_from: str | Callable[..., str | None] | None = None,
    infer: bool = False,
    deadline: float | None = None,
    **conversation_fields: Any,
) -> Any:
    """Open a turn: one exchange between the user and the agent.

    ``with turn() as t:``, ``@turn`` or ``@turn(id_from="session_id", infer=True)``. A turn that raises is
    recorded as incomplete with the reason ``error``; one that is given up, as ``abandoned``.

    Args:
        func_or_name: The function to decorate, or the turn's name.
        name: The turn's name; the function's by default.
        id_from: The parameter that holds the conversation id, or a callable over all parameters.
        infer: Take the first text argument as the user's message and the returned text as the agent's.
        deadline: Seconds after which an open turn ends as incomplete; None waits for ever.
        **conversation_fields: Fields of `conversation`, which is opened around the turn.
    """
    if callable(func_or_name):
        return TurnCall(None, None, infer=False, deadline=None, fields={})(func_or_name)
    return TurnCall(name or func_or_name, id_from, infer, deadline, conversation_fields)


def carry_context(function: Callable[P, R]) -> Callable[P, R]:
    """Return *function* made to run in the conversation and turn of this moment, in whatever thread.

    ``executor.submit(carry_context(work), item)``: threads do not inherit the context by themselves.
    """
    context = copy_context()

    @functools.wraps(function)
    def carried(*args: P.args, **kwargs: P.kwargs) -> R:
        return context.copy().run(function, *args, **kwargs)

    return carried

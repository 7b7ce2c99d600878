"""The live API's verbs, which act on the running code's turn and conversation."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, TypeVar

from agentsight_otel.enums import Sender
from agentsight_otel.tracking import recording, shapes
from agentsight_otel.tracking.context import Conversation, current
from agentsight_otel.tracking.live import TurnScope, current_turn, start_span

logger = logging.getLogger("agentsight_otel")

T = TypeVar("T")

_ONE_OFF = "message"
_USER, _AGENT = Sender.USER, Sender.AGENT
_warned: set[str] = set()


def user_message(text: object, metadata: Mapping[str, Any] | None = None) -> None:
    """Record what the user said, in the open turn or in one of its own; blank text is nothing said.

    Raises:
        InvalidConversationDataException: *metadata* is not a dict.
    """
    _say(_USER, text, metadata)


def agent_message(text: object, metadata: Mapping[str, Any] | None = None) -> None:
    """Record what the agent said; like `user_message`."""
    _say(_AGENT, text, metadata)


def button(event: str, label: str, value: str, metadata: Mapping[str, Any] | None = None) -> None:
    """Record a click on a button.

    Raises:
        InvalidConversationDataException: A text is blank, or *metadata* is not a dict.
    """
    item = recording.button(event, label, value, metadata)
    conversation = _conversation("button")
    if conversation is None:
        return
    span = start_span(conversation, item.label, shapes.button(item))
    if span is not None:
        span.end()


def wrap(obj: T) -> T:
    """Keep the open turn open until *obj* ends; see `TurnScope.wrap`."""
    turn = current_turn()
    return turn.wrap(obj) if turn is not None else obj


def end_turn(*, complete: bool = True) -> None:
    """End the open turn."""
    turn = current_turn()
    if turn is not None:
        turn.end(complete=complete)


def abandon_turn() -> None:
    """End the open turn as one that will never be complete."""
    turn = current_turn()
    if turn is not None:
        turn.abandon()


def _say(sender: Sender, text: object, metadata: Mapping[str, Any] | None) -> None:
    turn = current_turn()
    if turn is not None:
        _said_in(turn, sender, text, metadata)
    elif text is not None and str(text).strip() and _conversation("message") is not None:
        with TurnScope(_ONE_OFF) as one_off:
            _said_in(one_off, sender, text, metadata)


def _said_in(turn: TurnScope, sender: Sender, text: object, metadata: Mapping[str, Any] | None) -> None:
    if sender is _USER:
        turn.user_message(text, metadata)
    else:
        turn.agent_message(text, metadata)


def _conversation(what: str) -> Conversation | None:
    conversation = current()
    if conversation is not None and conversation.id is not None:
        return conversation
    if what not in _warned:
        _warned.add(what)
        logger.warning(
            "agentsight-otel: a %s outside every conversation is not recorded; "
            "open conversation() around it, or use carry_context() for a thread",
            what,
        )
    return None

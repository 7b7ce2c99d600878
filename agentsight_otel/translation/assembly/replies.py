"""Whose word counts: what a run's own span says was asked and answered, or what its model calls say."""

from __future__ import annotations

import msgspec

from agentsight_otel.translation.assembly.calls import Call
from agentsight_otel.translation.assembly.lanes import users_of
from agentsight_otel.translation.assembly.trees import Node
from agentsight_otel.translation.dialects.base import Kind
from agentsight_otel.translation.dialects.messages import Message
from agentsight_otel.translation.dialects.parts import text_part


class Outright(msgspec.Struct, gc=False):
    """What the user said by the word of the run's own span.

    Attributes:
        messages: The new ones.
        sure: They were written down as messages and not found among a function's arguments.
        alone: They stand without a history, or are marked as new; else a lane has to say which are new.
    """

    messages: list[Message]
    sure: bool
    alone: bool = True


def asked(container: Node) -> Outright | None:
    """Return what a run's own span says the user said, or None."""
    reading = container.reading
    if not reading.speaks:
        return None
    text = reading.user_text
    if text:
        said = [] if text.startswith(reading.rules.own_prompts) else [Message("user", (text_part(text),))]
        return Outright(said, sure=True)
    messages = tuple(message for message in reading.input if message.role != "system")
    if reading.new_from is not None or reading.delta:
        new = users_of(reading.input[reading.new_from or 0 :])
        return Outright(new, sure=True) if new else None
    trailing: list[Message] = []
    for message in reversed(messages):
        if not message.from_user:
            break
        trailing.insert(0, message)
    if not trailing and messages and reading.history:
        trailing = users_of(messages)
    sure = "input_messages" in reading.fields or reading.history or len(messages) > 1
    return Outright(trailing, sure=sure, alone=len(messages) == len(trailing) == 1) if trailing else None


def settle(outright: Outright | None, heard: list[Message]) -> list[Message]:
    """Choose between a run's own word on what the user said and what its first model call was told."""
    if outright is None:
        return heard
    if not heard:
        return outright.messages if outright.alone else []
    told = "\n".join(message.text for message in heard)
    if not outright.alone and {one.sign for one in heard} <= {one.sign for one in outright.messages}:
        return heard
    within = all(message.text.strip() in told for message in outright.messages)
    if not within and not outright.sure:
        return heard
    return outright.messages


def answer(call: Call | None, container: Node | None) -> tuple[Message, Call | None] | None:
    """Choose between the last text of the model and what the run's own span says was answered."""
    told = call.reply if call is not None else None
    own = _own_answer(container) if container is not None else None
    if told is None:
        return (own, None) if own is not None else None
    if own is None or container is None:
        return told, call
    told_text, own_text = told.text.strip(), own.text.strip()
    if own_text == told_text or told_text in own_text:
        return told, call
    sure = "output_messages" in container.reading.fields or container.reading.reply_text is not None
    if sure or (
        own_text in told_text and (container.kind is Kind.AGENT or _stands_alone(own_text, told_text))
    ):
        return own, call
    return told, call


def _stands_alone(text: str, within: str) -> bool:
    """Whether a text is whole lines of another."""
    text, within = ("\n".join(map(str.rstrip, one.split("\n"))) for one in (text, within))
    return f"\n{text}\n" in f"\n{within}\n"


def _own_answer(container: Node) -> Message | None:
    reading = container.reading
    if not reading.speaks:
        return None
    if reading.reply_text:
        return Message("assistant", (text_part(reading.reply_text),))
    if reading.failed:
        return None
    messages = reading.output
    if not messages and reading.history:
        messages = reading.input[reading.new_from or 0 :]
    for message in reversed(messages):
        if message.answers:
            return message
    return None

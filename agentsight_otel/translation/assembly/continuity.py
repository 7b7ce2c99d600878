"""Which conversation a history goes on from, for spans that lost their ids to the SDK's attribute limit.

Flattened conventions write ids first and the SDK drops the oldest attributes, so a long history costs a
span its conversation's id (section 8.19 of the dialects). The history itself still says where it belongs:
its last messages are those that an earlier call of the conversation ended with.
"""

from __future__ import annotations

from agentsight_otel.translation.assembly.memory import Memory
from agentsight_otel.translation.assembly.trees import Node
from agentsight_otel.translation.dialects.base import Kind
from agentsight_otel.translation.dialects.messages import Message

_TAIL = 6
_AMBIGUOUS = ""


def remember_tail(node: Node, memory: Memory) -> None:
    """Remember how the history ends after a model call, with the conversation it is of."""
    reading = node.reading
    if not reading.output or len(reading.input) + len(reading.output) < _TAIL:
        return
    key = _tail((*reading.input[-2 * _TAIL :], *reading.output))
    if key is None:
        return
    known = memory.tails.get(key)
    memory.tails.put(key, node.conversation if known in (None, node.conversation) else _AMBIGUOUS)


def conversation_of_history(node: Node, memory: Memory) -> str | None:
    """Return the one conversation whose last messages a partial span's history repeats, or None."""
    reading = node.reading
    if node.kind is not Kind.LLM or not node.span.dropped_attributes:
        return None
    messages = reading.input
    end = len(messages)
    while end and messages[end - 1].from_user:
        end -= 1
    key = _tail(messages[:end])
    return (memory.tails.get(key) or None) if key is not None else None


def _tail(messages: tuple[Message, ...]) -> int | None:
    """Return a key for the last messages; None where there are too few to tell conversations apart."""
    tail: list[tuple[str, int | None]] = []
    for message in reversed(messages):
        if message.text and message.role != "system":
            tail.append((message.role, message.sign))
            if len(tail) == _TAIL:
                return hash(tuple(tail))
    return None

"""What a model asked for where only the history of its next call tells it."""

from __future__ import annotations

from collections.abc import Iterable

from agentsight_otel.translation.assembly.calls import Call

_NEAR = 8


def ask_later(calls: Iterable[Call]) -> None:
    """Give each call whose own words leave its tool calls out those that a later history goes on with.

    Args:
        calls: Of one conversation.
    """
    earlier: list[Call] = []
    for call in sorted(calls, key=lambda one: one.start_ns):
        for before in earlier[: -_NEAR - 1 : -1]:
            at = len(before.input)
            if (
                at
                and not before.asks
                and at < len(call.input)
                and call.input[at].asks
                and _begins(call, before)
            ):
                before.say(call.input[at])
                break
        earlier.append(call)


def _begins(call: Call, before: Call) -> bool:
    """Whether a call's input begins with an earlier one's."""
    return all(
        one.role == other.role and one.sign == other.sign
        for one, other in zip(call.input, before.input, strict=False)
    )

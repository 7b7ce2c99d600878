"""Which tool call a result in a model's input answers, as far as the input itself says."""

from __future__ import annotations

from agentsight_otel.translation.assembly.calls import Call
from agentsight_otel.translation.dialects.parts import Part


def pairs_in(call: Call) -> list[tuple[Part, Part | None]]:
    """Return the results in an input, each with the call it answers where only its place says which."""
    pairs: list[tuple[Part, Part | None]] = []
    open_calls: list[Part] = []
    for message in call.input:
        if message.asks:
            open_calls = list(message.asks)
        for part in message.results:
            named = _answered(part, open_calls)
            if named is not None:
                open_calls.remove(named)
            pairs.append((part, named))
    return pairs


def _answered(result: Part, open_calls: list[Part]) -> Part | None:
    for one in open_calls if result.id else ():
        if one.id == result.id:
            return one
    for one in open_calls:
        if not result.name or one.name == result.name:
            return one
    return None


def unnamed_at_the_end(call: Call) -> list[Part]:
    """Return the results an input ends with, if neither an id, nor a name, nor a call says whose they are."""
    found: list[Part] = []
    for message in reversed(call.input):
        if not message.results:
            return [] if message.asks else found[::-1]
        found += reversed(message.results)
        if any(part.id or part.name for part in message.results):
            return []
    return []

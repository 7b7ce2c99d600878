"""Messages of flattened lists, which every call's span repeats from the one before."""

from __future__ import annotations

from typing import Any

from agentsight_otel.translation.dialects.flattened import Flat, unflatten
from agentsight_otel.translation.dialects.messages import Message, Told, read_messages, read_parts
from agentsight_otel.translation.dialects.parts import Part
from agentsight_otel.translation.dialects.roles import ROLES, SPEAKERS
from agentsight_otel.translation.dialects.values import load

_MAX_CACHED = 4_096
_CACHE_SIZE = 1024
_ONLY_TEXT = frozenset({str})
_BLOCKS = "[{"
_PLAIN_PATHS = frozenset({("message.role", "message.content"), ("role", "content")})


def messages_of_items(flat: Flat, default_role: str, earlier: Told | None = None) -> tuple[Message, ...]:
    """Return the messages of flattened objects; arguments as for `read_messages`."""
    found: list[Message] = []
    if earlier is not None and isinstance(earlier.source, Flat) and flat.places:
        heard, flat = _known_of(flat, earlier.source, earlier.messages)
        found += heard
    values = flat.values
    last: tuple[str, ...] | None = None
    known = _NONE_KNOWN
    for paths, start, end, _ in flat.places:
        if paths is not last:
            last, known = paths, _items.get((paths, default_role), _NONE_KNOWN)
        one = values[start:end]
        try:
            found += known[one]
        except (KeyError, TypeError):  # the latter when a list or an object is among the values
            found += message_of_items(paths, one, default_role)
    return tuple(found)


def _known_of(flat: Flat, old: Flat, messages: tuple[Message, ...]) -> tuple[tuple[Message, ...], Flat]:
    """Return the messages that a history has in common with an earlier one, and what follows.

    It may have lost its beginning, by the application or by the limit of a span's attributes.
    """
    if len(messages) != len(old.places):
        return (), flat
    first = flat.places[0]
    start = flat.values[first.start : first.end]
    paths = [place.paths for place in old.places]
    for at, place in enumerate(old.places):
        if old.values[place.start : place.end] != start:
            continue
        known = len(old.places) - at
        ends = first.start + old.places[-1].end - place.start
        if (
            known <= len(flat.places)
            and flat.places[known - 1].end == ends
            and flat.values[first.start : ends] == old.values[place.start : old.places[-1].end]
            and [one.paths for one in flat.places[:known]] == paths[at:]
        ):
            return messages[at:], Flat(flat.places[known:], flat.values)
    return (), flat


# Every model call repeats the whole history, so nearly every message has been read before.
_items: dict[tuple[tuple[str, ...], str], dict[tuple[Any, ...], tuple[Message, ...]]] = {}
_NONE_KNOWN: dict[tuple[Any, ...], tuple[Message, ...]] = {}


def message_of_items(
    paths: tuple[str, ...], values: tuple[Any, ...], default_role: str
) -> tuple[Message, ...]:
    """Return the messages of one flattened object: its paths, as `split_number` leaves them, and values."""
    if not _ONLY_TEXT.issuperset(map(type, values)):
        return read_messages(unflatten(paths, values), default_role)
    if paths in _PLAIN_PATHS and values[0] in SPEAKERS and values[1] and not values[1].startswith(_BLOCKS):
        found: tuple[Message, ...] = (Message(ROLES[values[0]], (Part("text", values[1]),)),)
    else:
        found = read_messages(_with_blocks(unflatten(paths, values)), default_role)
    if sum(map(len, values)) <= _MAX_CACHED:
        if sum(map(len, _items.values())) >= _CACHE_SIZE:
            _items.clear()
        _items.setdefault((paths, default_role), {})[values] = found
    return found


def _with_blocks(value: Any) -> Any:
    """Decode the blocks of a content that OpenLLMetry wrote as JSON, up to its version 0.54."""
    content = value.get("content") if isinstance(value, dict) else None
    if isinstance(content, str) and content.startswith(_BLOCKS):
        blocks = load(content)
        parts = read_parts(blocks)
        if isinstance(blocks, list) and len(parts) == len(blocks) and all(p.kind != "other" for p in parts):
            return {**value, "content": blocks}
    return value

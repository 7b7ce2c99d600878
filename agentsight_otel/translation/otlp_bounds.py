"""How much an OTLP body would unfold into, found out before it is unfolded.

Two bytes of protobuf are enough for a span that takes two hundred in memory: a limit in bytes does not
bound what decoding costs.
"""

from __future__ import annotations

from typing import Any

MAX_ELEMENTS = 2_000_000
"""Messages of any kind in one body: spans, attributes, values."""
MAX_SPANS = 100_000

_SMALLEST = 2
"""Bytes of the smallest element, in either encoding."""

Table = dict[int, Any]


class OversizedOtlp(ValueError):
    """The body would unfold into more than a receiver takes."""

    def __init__(self) -> None:
        super().__init__(
            f"the body holds more than {MAX_SPANS} spans or {MAX_ELEMENTS} values; send less at once"
        )


def check_json(body: bytes) -> None:
    """Refuse JSON with too many objects."""
    if body.count(b"{") > MAX_ELEMENTS:
        raise OversizedOtlp


def check_protobuf(body: bytes, descriptor: Any) -> None:
    """Refuse protobuf with too many messages; only what is large enough to have them is looked at."""
    if len(body) > MAX_ELEMENTS * _SMALLEST and _elements(body, _table(descriptor, {})) > MAX_ELEMENTS:
        raise OversizedOtlp


def _table(descriptor: Any, known: dict[str, Table]) -> Table:
    """Return, for a message type, its fields that are messages, by number."""
    table = known.get(descriptor.full_name)
    if table is None:
        table = known[descriptor.full_name] = {}
        for field in descriptor.fields:
            if field.message_type is not None:
                table[field.number] = _table(field.message_type, known)
    return table


def _elements(body: bytes, table: Table) -> int:
    """Count the messages in a body, up to one more than the limit; a malformed rest is left to the parser."""
    count = 0
    stack = [(0, len(body), table)]
    try:
        while stack:
            position, end, fields = stack.pop()
            while position < end:
                tag, position = _varint(body, position)
                wire_type = tag & 7
                if wire_type == 2:
                    length, position = _varint(body, position)
                    inner = fields.get(tag >> 3)
                    if inner is not None:
                        count += 1
                        if count > MAX_ELEMENTS:
                            return count
                        if length:
                            stack.append((position, min(end, position + length), inner))
                    position += length
                elif wire_type == 0:
                    _, position = _varint(body, position)
                else:
                    position += 8 if wire_type == 1 else 4
    except IndexError:
        return count
    return count


def _varint(body: bytes, position: int) -> tuple[int, int]:
    byte = body[position]
    position += 1
    if byte < 0x80:
        return byte, position
    value, shift = byte & 0x7F, 7
    while True:
        byte = body[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80 or shift > 63:
            return value, position
        shift += 7

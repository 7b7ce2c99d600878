"""Records in memory: what each kind is, how it is named and how it is written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec
from opentelemetry.sdk.trace import ReadableSpan

from agentsight_otel.encoding import Quiet
from agentsight_otel.exporters.packed import is_packed, texts_of, unpack
from agentsight_otel.exporters.tickets import Ticket
from agentsight_otel.journal import Kind, Ref
from agentsight_otel.translation.block import Upload
from agentsight_otel.translation.readable import from_readable_span
from agentsight_otel.translation.span_data import LogData, SpanData, SpanKey

encode = msgspec.msgpack.Encoder().encode
_decoders: dict[int, msgspec.msgpack.Decoder[Any]] = {
    Kind.SPAN: msgspec.msgpack.Decoder(SpanData),
    Kind.UPLOAD: msgspec.msgpack.Decoder(Upload),
    Kind.LOG: msgspec.msgpack.Decoder(LogData),
}
KINDS = tuple(_decoders)
"""What is for delivery; other kinds of records are not."""

_SPAN = Kind.SPAN
_EMPTY = 300
"""Bytes of a span or event without its texts."""

_EMPTY_SDK = 3000
"""Bytes of a span of the SDK with an event or two, without their texts."""


class Entry(Quiet, msgspec.Struct, eq=False, gc=False):
    """One record that is not settled. There are many, and none is in a cycle: the collector need not look.

    Attributes:
        key: Names the record.
        kind: As in the journal.
        value: The record: decoded, as `pack` gave it, or the SDK's; None while it is only on disk.
        size: Encoded bytes, or about the bytes in memory.
        ticket: The submission it came with.
        ref: Where it is on disk; None while it is only in memory.
        group: The span a log record belongs to, once known.
        sequence: The order of taking.
        taken: The sender has it in hand.
    """

    key: bytes
    kind: int
    value: Any
    size: int
    ticket: Ticket | None
    ref: Ref | None = None
    group: bytes | None = None
    sequence: int = 0
    taken: bool = False


def decode(kind: int, payload: bytes) -> Any:
    """Return the record in *payload*, None when it is none."""
    try:
        if kind == _SPAN and is_packed(payload):
            return unpack(payload)
        return _decoders[kind].decode(payload)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


def opened(value: Any) -> Any:
    """Return a value as `decode` gives it; a packed span is bytes until somebody needs it."""
    if type(value) is bytes:
        return decode(_SPAN, value)
    return from_readable_span(value) if isinstance(value, ReadableSpan) else value


def encoded(value: Any) -> bytes:
    """Return the bytes of a value."""
    return value if type(value) is bytes else encode(opened(value))


def weight(value: Any) -> int:
    """Return about how many bytes of memory a record holds, without encoding it."""
    if isinstance(value, Upload):
        return _EMPTY + len(value.data)
    if isinstance(value, LogData):
        return len(encode(value))
    if isinstance(value, ReadableSpan):
        return _EMPTY_SDK + sum(map(_text_bytes, texts_of(value)))
    size = _EMPTY + _text_bytes(value.attributes)
    for event in value.events:
        size += _EMPTY + _text_bytes(event.attributes)
    return size


def _text_bytes(attributes: dict[str, Any]) -> int:
    size = 0
    for value in attributes.values():
        kind = type(value)
        if kind is str:
            size += len(value)
        elif kind is list or kind is dict:
            size += len(encode(value))
    return size


def span_key(source: SpanKey | SpanData | LogData) -> bytes:
    """Return the name that a span's record has in the journal; of a log record, its span's."""
    return bytes.fromhex(source.trace_id + source.span_id)


def _of_upload(upload: Upload) -> bytes:
    return hashlib.sha256(upload.key.encode()).digest()[:24]


def _of_log(log: LogData) -> bytes:
    return hashlib.sha256(encode(log)).digest()[:24]


KEY_OF: dict[int, Callable[[Any], bytes]] = {
    Kind.SPAN: span_key,
    Kind.UPLOAD: _of_upload,
    Kind.LOG: _of_log,
}
"""How a record of each kind is named."""

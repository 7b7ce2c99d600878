"""The bytes of one record, and how intact ones are found in a damaged file. Pure.

A record is ``magic | crc32 | length | version | kind | created | key | payload``, little-endian; the checksum
covers everything after itself. Nothing outside a record is needed to read it, so any intact record can be
read whatever happened to its neighbours.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Iterator
from typing import NamedTuple
from zlib import crc32

MAGIC = b"\xa7AJ1"
VERSION = 1
KEY_SIZE = 24

_HEAD = struct.Struct("<4sI")
_TAIL = struct.Struct(f"<IBBxxI{KEY_SIZE}s")
HEADER_SIZE = _HEAD.size + _TAIL.size
pack_head, pack_tail = _HEAD.pack, _TAIL.pack
_read_header = struct.Struct(_HEAD.format + _TAIL.format.removeprefix("<")).unpack_from

ACK_SIZE = 8
_ACK = struct.Struct("<II")
_OFFSET = struct.Struct("<I")
UINT32 = 0xFFFFFFFF


class Kind(enum.IntEnum):
    """What a record holds; the journal itself does not look inside."""

    SPAN = 1
    UPLOAD = 2
    LOG = 3
    ITEM = 4
    DEAD = 5


class Record(NamedTuple):
    """An intact record and where it was found.

    Attributes:
        kind: A `Kind`, or a number a later version wrote.
        key: ``KEY_SIZE`` bytes that name the record.
        payload: What was stored.
        created: Seconds since the Unix epoch.
        offset: Where the record starts in its file.
    """

    kind: int
    key: bytes
    payload: bytes
    created: int
    offset: int


class Damage(NamedTuple):
    """A range of bytes that is no intact record."""

    offset: int
    length: int


def header(kind: int, key: bytes, payload: bytes, created: int) -> bytes:
    """Return what goes before *payload*; *key* has ``KEY_SIZE`` bytes."""
    tail = pack_tail(len(payload), VERSION, kind, created & UINT32, key)
    return pack_head(MAGIC, crc32(payload, crc32(tail))) + tail


def pack(kind: int, key: bytes, payload: bytes, created: int) -> bytes:
    """Return the bytes of one record."""
    return header(kind, key, payload, created) + payload


def unpack(data: bytes, offset: int = 0) -> Record | None:
    """Read the record at *offset*, None when there is no intact one of this version."""
    start = offset + HEADER_SIZE
    if start > len(data):
        return None
    magic, crc, length, version, kind, created, key = _read_header(data, offset)
    end = start + length
    if magic != MAGIC or version != VERSION or end > len(data):
        return None
    if crc32(data[offset + _HEAD.size : end]) != crc:
        return None
    return Record(kind, key, data[start:end], created, offset)


def scan(data: bytes) -> Iterator[Record | Damage]:
    """Yield every intact record, and the damage between them, in the order of the file."""
    position = damaged_from = 0
    end = len(data)
    while position < end:
        record = unpack(data, position)
        if record is None:
            following = data.find(MAGIC, position + 1)
            position = end if following < 0 else following
            continue
        if damaged_from < position:
            yield Damage(damaged_from, position - damaged_from)
        yield record
        position += HEADER_SIZE + len(record.payload)
        damaged_from = position
    if damaged_from < end:
        yield Damage(damaged_from, end - damaged_from)


def pack_ack(offset: int) -> bytes:
    """Return the acknowledgement of the record at *offset*."""
    return _ACK.pack(offset, crc32(_OFFSET.pack(offset)))


def read_acks(data: bytes) -> set[int]:
    """Return the offsets acknowledged; entries that are torn or damaged say nothing."""
    whole = len(data) - len(data) % ACK_SIZE
    return {
        offset for offset, check in _ACK.iter_unpack(data[:whole]) if crc32(_OFFSET.pack(offset)) == check
    }

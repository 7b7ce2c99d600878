"""Blocks become requests: merged per conversation, cut by bytes, split and bisected."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator
from typing import Any

import msgspec

from agentsight_otel._version import __version__
from agentsight_otel.encoding import encode_json
from agentsight_otel.translation.block import Block, Upload
from agentsight_otel.translation.span_data import SpanKey

_HEAD = b'{"sdk":' + encode_json({"name": "agentsight-otel", "version": __version__}) + b',"conversations":['
_TAIL = b"]}"
_BLOCK_OVERHEAD = 64
_ID_BYTES = 96
_ENOUGH = 2 * 1024 * 1024
"""Bytes that are sent without waiting for more: what is on its way is in memory twice."""


class _Ids(msgspec.Struct):
    trace_id: str = ""
    span_id: str = ""


_NAME_BYTES = 32
"""Room for a field's name, quotes and colon."""

_ids = msgspec.json.Decoder(_Ids)


class Origin:
    """A block on its way, in one part or several; its sources are done when the last part is."""

    __slots__ = ("dead", "open", "reason", "sources", "uploads")

    def __init__(self, sources: list[SpanKey], uploads: list[Upload]) -> None:
        self.sources = sources
        self.uploads = uploads
        self.open = 0
        self.dead: set[SpanKey] = set()
        self.reason: str | None = None


class Part:
    """What one request carries of one conversation."""

    __slots__ = ("conversation_id", "fields", "origins", "size", "spans")

    def __init__(
        self, conversation_id: str, fields: dict[str, Any], spans: list[bytes], origins: list[Origin]
    ) -> None:
        self.conversation_id = conversation_id
        self.fields = fields
        self.spans = spans
        self.origins = origins
        self.size = _size(conversation_id, fields) + _spans_size(spans)

    def merge(self, other: Part) -> None:
        """Append a later part of the same conversation."""
        self.fields = {**self.fields, **other.fields}
        self.spans += other.spans
        self.origins += other.origins
        self.size += other.size

    def condemn(self, reason: str) -> None:
        """Note the sources of its spans as refused; all of them when no span names one."""
        named = {SpanKey(found.trace_id, found.span_id) for found in map(_ids.decode, self.spans)}
        hits = [named.intersection(origin.sources) for origin in self.origins]
        for origin, hit in zip(self.origins, hits, strict=True):
            dead = hit if any(hits) else set(origin.sources)
            if dead:
                origin.dead |= dead
                origin.reason = reason

    def halves(self) -> list[Part]:
        """Cut by spans into two."""
        middle = len(self.spans) // 2
        for origin in self.origins:
            origin.open += 1
        return [
            Part(self.conversation_id, self.fields, spans, list(self.origins))
            for spans in (self.spans[:middle], self.spans[middle:])
        ]

    def write(self, out: list[bytes]) -> None:
        """Append the block as JSON."""
        out.append(encode_json({"conversation_id": self.conversation_id, **self.fields})[:-1])
        out.append(b',"spans":[')
        separator = b""
        for span in self.spans:
            out.append(separator)
            out.append(span)
            separator = b","
        out.append(b"]}")

    def name(self) -> bytes:
        """Return what tells this part from every other: spans begin with their ids."""
        ids = b"".join([span[:_ID_BYTES] for span in self.spans])
        return b"%s\0%d\0%d\0%s" % (self.conversation_id.encode(), len(self.spans), self.size, ids)


class Batch:
    """The parts of one request, at most one per conversation.

    Attributes:
        failures: Attempts that failed in a way that may pass.
    """

    def __init__(self, parts: list[Part]) -> None:
        self.parts = parts
        self.failures = 0
        self._body: bytes | None = None

    @property
    def size(self) -> int:
        """Bytes, about."""
        return sum(part.size for part in self.parts)

    @property
    def divisible(self) -> bool:
        """Whether it can be halved."""
        return len(self.parts) > 1 or len(self.parts[0].spans) > 1

    @property
    def key(self) -> str:
        """Name the request: the same contents always have the same key."""
        names = b"\0\0".join([part.name() for part in self.parts])
        return hashlib.sha256(names).hexdigest()[:32]

    @property
    def body(self) -> bytes:
        """The request's body."""
        if self._body is None:
            out = [_HEAD]
            for number, part in enumerate(self.parts):
                if number:
                    out.append(b",")
                part.write(out)
            out.append(_TAIL)
            self._body = b"".join(out)
        return self._body

    def halves(self) -> list[Batch]:
        """Cut in two: by conversations, or the only conversation by spans."""
        if len(self.parts) == 1:
            return [Batch([part]) for part in self.parts[0].halves()]
        middle = len(self.parts) // 2
        halves = (self.parts[:middle], self.parts[middle:])
        return [Batch(half) for half in halves]


class Batcher:
    """Collects blocks until a request is full.

    Attributes:
        max_bytes: Of one request; lowered when a server says that one was too large.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._ready: deque[Batch] = deque()
        self._parts: dict[str, Part] = {}
        self._latest = ""
        self._size = 0

    def add(self, block: Block) -> None:
        """Take a block; its spans keep their order, and later fields win."""
        origin = Origin(block.sources, block.uploads)
        self._latest = block.conversation_id
        if self._joins(block, origin):
            return
        whole = Part(block.conversation_id, block.fields, block.spans, [origin])
        if whole.size <= self.max_bytes:
            origin.open = 1
            self._add(whole)
            return
        pieces = list(_pieces(block, self.max_bytes))
        origin.open = len(pieces)
        for spans in pieces:
            self._add(Part(block.conversation_id, block.fields, spans, [origin]))

    @property
    def full(self) -> bool:
        """Whether a request is ready that need not wait for more."""
        return bool(self._ready) or (self._size >= _ENOUGH and len(self._parts) > 1)

    def take(self) -> Batch | None:
        """Return the next request, a partly filled one if there is no other."""
        if self._ready:
            return self._ready.popleft()
        # Its rest may be to come: what fits one request is not spread over two for want of patience.
        growing = self._parts.pop(self._latest) if self.full else None
        self._close()
        if growing is not None:
            self._add(growing)
        return self._ready.popleft() if self._ready else None

    def holds(self, conversation_id: str) -> bool:
        """Say whether a part of the conversation has not been taken."""
        return conversation_id in self._parts or any(
            part.conversation_id == conversation_id for batch in self._ready for part in batch.parts
        )

    def parts(self) -> list[Part]:
        """Return what has not been taken."""
        return [*self._parts.values(), *(part for batch in self._ready for part in batch.parts)]

    def _joins(self, block: Block, origin: Origin) -> bool:
        """Add a block to what is there of its conversation, if it says nothing new of it and has room."""
        there = self._parts.get(block.conversation_id)
        if there is None or there.fields != block.fields:
            return False
        size = _spans_size(block.spans)
        if self._size + size > self.max_bytes:
            return False
        origin.open = 1
        there.spans += block.spans
        there.origins.append(origin)
        there.size += size
        self._size += size
        return True

    def _add(self, part: Part) -> None:
        if self._size + part.size > self.max_bytes and self._parts:
            earlier = self._parts.pop(part.conversation_id, None)
            self._close()
            if earlier is not None:
                # A conversation that fits one request is not spread over two.
                if earlier.size + part.size <= self.max_bytes:
                    earlier.merge(part)
                    part = earlier
                else:
                    self._ready.append(Batch([earlier]))
            self._size = 0
        there = self._parts.get(part.conversation_id)
        if there is not None:
            there.merge(part)
        else:
            self._parts[part.conversation_id] = part
        self._size += part.size

    def _close(self) -> None:
        if self._parts:
            self._ready.append(Batch(list(self._parts.values())))
        self._parts = {}
        self._size = 0


def _pieces(block: Block, max_bytes: int) -> Iterator[list[bytes]]:
    room = max_bytes - _size(block.conversation_id, block.fields)
    piece: list[bytes] = []
    size = 0
    for span in block.spans:
        if piece and size + len(span) + 1 > room:
            yield piece
            piece, size = [], 0
        piece.append(span)
        size += len(span) + 1
    yield piece


def _size(conversation_id: str, fields: dict[str, Any]) -> int:
    named = sum(map(_field_size, fields.values())) if fields else 0
    return named + len(conversation_id) + _BLOCK_OVERHEAD


def _field_size(value: Any) -> int:
    """Return about how long a field is in JSON, its name included; every span of a batch asks."""
    if type(value) is str and value.isascii():
        return len(value) + _NAME_BYTES
    return len(encode_json(value)) + _NAME_BYTES


def _spans_size(spans: list[bytes]) -> int:
    return sum(map(len, spans)) + len(spans)

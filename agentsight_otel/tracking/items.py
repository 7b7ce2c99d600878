"""The items of a timeline: one small struct for each thing tracked.

They round-trip through MessagePack, which is how they survive the process that tracked them. Every item
starts with its raw time (microseconds since the Unix epoch) and a random 64-bit seed, from which the ids
of its spans are derived: planning the same items again gives the same ids.
"""

from __future__ import annotations

import msgspec

from agentsight_otel.encoding import Quiet


class File(Quiet, msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An attachment, read when it was tracked."""

    filename: str
    mime_type: str
    data: bytes


class Message(Quiet, msgspec.Struct, array_like=True, tag="m", frozen=True, gc=False):
    """What the user or the agent said; ``metadata`` is JSON or empty."""

    time_us: int
    seed: int
    sender: str
    content: str
    metadata: str = ""
    mode: str = ""
    files: tuple[File, ...] = ()


class Action(Quiet, msgspec.Struct, array_like=True, tag="a", gc=False):
    """A tool call; ``arguments`` and ``metadata`` are JSON.

    A ``measured`` one has its duration from us; a ``running`` one has no end yet.
    """

    time_us: int
    seed: int
    name: str
    started_us: int | None = None
    ended_us: int | None = None
    duration_ms: float | None = None
    arguments: str | None = None
    response: str | None = None
    error: str | None = None
    error_type: str | None = None
    metadata: str = ""
    measured: bool = False
    running: bool = False


class Button(Quiet, msgspec.Struct, array_like=True, tag="b", frozen=True, gc=False):
    """A click on a button."""

    time_us: int
    seed: int
    event: str
    label: str
    value: str
    metadata: str = ""


class Files(Quiet, msgspec.Struct, array_like=True, tag="f", frozen=True, gc=False):
    """Attachments that belong to no message."""

    time_us: int
    seed: int
    sender: str
    mode: str
    files: tuple[File, ...]
    metadata: str = ""


class Tokens(Quiet, msgspec.Struct, array_like=True, tag="t", frozen=True, gc=False):
    """Tokens of one or more model calls."""

    time_us: int
    seed: int
    prompt: int
    completion: int
    total: int
    embedding: int
    model: str | None = None
    metadata: str = ""


class Opened(Quiet, msgspec.Struct, array_like=True, tag="o", frozen=True):
    """What is known about the conversation; ``fields`` are those of `validation.conversation_fields`."""

    time_us: int
    seed: int
    fields: dict[str, str]


Item = Message | Action | Button | Files | Tokens | Opened


class Record(Quiet, msgspec.Struct, array_like=True):
    """An item as the journal keeps it; without an item it names a timeline or adds to what is known of it.

    Attributes:
        timeline: Names the timeline among all processes.
        conversation_id: None while the timeline has no name.
        item: The item, or None.
        fields: Conversation fields that came with no item.
    """

    timeline: str
    conversation_id: str | None
    item: Item | None = None
    fields: dict[str, str] = {}


_EMPTY = 200

_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Record)


def encode_record(record: Record) -> bytes:
    """Encode a record for the journal."""
    return _encode(record)


def encode_item(timeline: str, conversation_id: str | None, item: Item) -> bytes:
    """Encode the record of one item; the same bytes in half the time."""
    return _encode((timeline, conversation_id, item))


def decode_record(data: bytes) -> Record | None:
    """Decode a record of the journal; None when another version wrote something else."""
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def weight(item: Item) -> int:
    """Return about how many bytes of memory an item holds."""
    if isinstance(item, Message):
        return _EMPTY + len(item.content) + len(item.metadata) + _file_bytes(item.files)
    if isinstance(item, Files):
        return _EMPTY + len(item.metadata) + _file_bytes(item.files)
    texts = (getattr(item, name) for name in item.__struct_fields__)
    return _EMPTY + sum(len(text) for text in texts if isinstance(text, str))


def _file_bytes(files: tuple[File, ...]) -> int:
    return sum(len(file.data) + _EMPTY for file in files) if files else 0

"""Block and Upload: what translation hands to delivery."""

from __future__ import annotations

from typing import Any

import msgspec

from agentsight_otel.encoding import Quiet
from agentsight_otel.translation.span_data import SpanKey


class Upload(Quiet, msgspec.Struct, frozen=True, omit_defaults=True):
    """The bytes of one attachment and where they belong.

    Attributes:
        key: Deterministic id; the same attachment always has the same.
        conversation_id: The caller-chosen string id.
        filename: Name shown to people.
        mime_type: MIME type.
        data: The bytes.
        time_ns: Its place in the transcript, nanoseconds since the Unix epoch.
        sender: ``end_user`` or ``agent``.
        on_message: Whether it belongs to the message at *time_ns*, if there is one, or stands alone.
        metadata: Of the attachment.
    """

    key: str
    conversation_id: str
    filename: str
    mime_type: str
    data: bytes
    time_ns: int
    sender: str = "end_user"
    on_message: bool = False
    metadata: dict[str, Any] = {}


class Block(Quiet, msgspec.Struct):
    """One conversation of an ingest request.

    Attributes:
        conversation_id: At most 255 characters.
        fields: The block's other fields as the ingest contract names them, already within its limits.
        spans: Each a wire span, encoded as JSON.
        sources: The spans this block was made from; they are done when the block is.
        uploads: Attachments, sent after the block.
    """

    conversation_id: str
    fields: dict[str, Any]
    spans: list[bytes]
    sources: list[SpanKey] = []
    uploads: list[Upload] = []

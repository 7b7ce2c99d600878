"""Media in messages: bytes become uploads, addresses become metadata of the message."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from agentsight_otel.helpers import get_mime_type
from agentsight_otel.translation.assembly.ids import text_id
from agentsight_otel.translation.block import Upload
from agentsight_otel.translation.dialects.parts import Part

if TYPE_CHECKING:
    from agentsight_otel.translation.assembly.turns import Said

PLACEHOLDER = "[Attachment]"
MAX_UPLOAD_BYTES = 25 * 1024 * 1024
"""What the ingest contract takes for one file; a larger one stays a note in the message's metadata."""

_EXTENSIONS = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "audio/wav": ".wav",
    "audio/x-wav": ".wav",
    "audio/mpeg": ".mp3",
    "video/mp4": ".mp4",
    "application/pdf": ".pdf",
    "text/plain": ".txt",
}


class Attachments:
    """Gathers the uploads of one conversation's messages."""

    def __init__(self, conversation_id: str) -> None:
        self._id = conversation_id
        self.uploads: list[Upload] = []

    def text_of(self, said: Said) -> str:
        """Return the text of a message; of one that only shows media, what was heard or a placeholder."""
        if said.message.text:
            return said.message.text
        return "\n".join([part.text for part in said.message.shows if part.text]) or PLACEHOLDER

    def described(self, said: Said) -> dict[str, Any]:
        """Return the metadata about a message's media, and keep its uploads."""
        notes = list(self._notes(said)) if said.message.shows else []
        return {"attachments": notes} if notes else {}

    def _notes(self, said: Said) -> Iterator[dict[str, Any]]:
        for index, part in enumerate(said.message.shows):
            mime = part.mime_type or (
                get_mime_type(part.filename) if part.filename else "application/octet-stream"
            )
            name = part.filename or f"attachment_{index}{_EXTENSIONS.get(mime, '')}"
            note: dict[str, Any] = {"filename": name, "mime_type": mime}
            if part.uri:
                note["uri"] = part.uri
            if part.data:
                note["size"] = len(part.data)
                self._upload(said, part, name, mime, index)
            yield note

    def _upload(self, said: Said, part: Part, name: str, mime: str, index: int) -> None:
        if len(part.data) > MAX_UPLOAD_BYTES:
            return
        self.uploads.append(
            Upload(
                key=text_id("upload", said.key, str(index)),
                conversation_id=self._id,
                filename=name,
                mime_type=mime,
                data=part.data,
                time_ns=said.time_ns,
                sender=said.sender,
                on_message=True,
            )
        )

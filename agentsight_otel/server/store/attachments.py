"""Writing and reading the files of messages."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, RowMapping, func, insert, select

from agentsight_otel.server.clock import now_us
from agentsight_otel.server.store.files import Files
from agentsight_otel.server.store.places import Place
from agentsight_otel.server.store.tables import attachments


class NewFile(msgspec.Struct):
    """One uploaded file."""

    filename: str
    mime_type: str
    type: str
    data: bytes

    @property
    def sha256(self) -> str:
        """Where the bytes are kept."""
        return hashlib.sha256(self.data).hexdigest()


def add_files(
    connection: Connection, files: Files, place: Place, message: int, upload_key: str, new: Sequence[NewFile]
) -> list[RowMapping]:
    """Hang files on a message and return their rows."""
    now = now_us()
    rows = []
    for position, file in enumerate(new):
        sha256 = file.sha256
        files.put(connection, sha256, file.data)
        rows.append(
            {
                "agent_id": place.agent_id,
                "conversation": place.conversation,
                "message": message,
                "upload_key": upload_key,
                "position": position,
                "type": file.type,
                "filename": file.filename,
                "mime_type": file.mime_type,
                "size_bytes": len(file.data),
                "sha256": sha256,
                "created_at": now,
            }
        )
    connection.execute(insert(attachments), rows)
    return find_upload(connection, place.agent_id, upload_key)


def find_upload(connection: Connection, agent_id: int, upload_key: str) -> list[RowMapping]:
    """Return what an upload with this key made; empty when there was none."""
    a = attachments.c
    query = select(attachments).where(a.agent_id == agent_id, a.upload_key == upload_key)
    return list(connection.execute(query.order_by(a.position)).mappings())


def total_bytes(connection: Connection, agent_id: int) -> int:
    """Return how much all attachments of an agent are, deleted conversations' too."""
    a = attachments.c
    return int(
        connection.scalar(select(func.coalesce(func.sum(a.size_bytes), 0)).where(a.agent_id == agent_id)) or 0
    )


def read_file(connection: Connection, files: Files, attachment: int) -> tuple[RowMapping, bytes] | None:
    """Return an attachment and its bytes. The caller has checked the signature of its URL."""
    row = connection.execute(select(attachments).where(attachments.c.id == attachment)).mappings().first()
    data = None if row is None else files.get(connection, row["sha256"])
    return None if row is None or data is None else (row, data)

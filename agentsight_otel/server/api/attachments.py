"""Uploading, listing and downloading files."""

from __future__ import annotations

import base64
import binascii
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection

from agentsight_otel.enums import Sender
from agentsight_otel.server.api import params, target
from agentsight_otel.server.api.conversations import key
from agentsight_otel.server.api.http import Answer, ApiError, Call, not_found
from agentsight_otel.server.api.legacy import touch
from agentsight_otel.server.api.multipart import read_form
from agentsight_otel.server.api.shapes import Shapes
from agentsight_otel.server.api.signing import is_valid
from agentsight_otel.server.clock import iso, now_us
from agentsight_otel.server.filenames import attachment_type, safe_filename, safe_mime_type, sniff_image
from agentsight_otel.server.rows import ATTACHMENT_CONTENT, Entry
from agentsight_otel.server.store import attachments, details, listing
from agentsight_otel.server.store.attachments import NewFile
from agentsight_otel.server.store.places import Place, save
from agentsight_otel.server.store.transcript import add_entries

MAX_FILES = 10
MAX_FILE_BYTES = 25 * 1024 * 1024


def upload(call: Call) -> Answer:
    """Take files as base64 in JSON or as multipart parts, onto a message or as a message of their own."""
    if call.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        document, files = read_form(call)
    else:
        document = call.document()
        files = _decoded(document)
    _check(files)
    timestamp = params.time_field(document, "timestamp") or now_us()
    sender = params.checked_choice("sender", document.get("sender") or Sender.USER, Sender)
    content = [file.sha256 for file in files]
    upload_key = call.headers.get("idempotency-key", "")[:200] or target.event_key(
        document, "attachments", sender, document.get("message"), document.get("conversation_id"), content
    )
    with call.store.write() as connection:
        rows = attachments.find_upload(connection, call.agent_id, upload_key)
        made = not rows
        if made:
            _check_quota(call, connection, files)
            place = target.resolve(call, connection, document, timestamp)
            message = _message(connection, place, document, timestamp, sender)
            rows = attachments.add_files(connection, call.store.files, place, message, upload_key, files)
            touch(place, timestamp)
            save(connection, [place])
    shaper = Shapes(call.base_url, call.store.secret)
    body = {
        "conversation": rows[0]["conversation"],
        "message": rows[0]["message"],
        "attachments": [shaper.attachment(row) for row in rows],
    }
    return Answer(body, 201 if made else 200)


def _message(
    connection: Connection, place: Place, document: dict[str, Any], timestamp: int, sender: str
) -> int:
    """Return the message the files join: the one named, or a new one that stands for them."""
    named = params.key_field(document, "message")
    if named is not None:
        return named
    event_key = target.event_key({}, "attachments")
    entry = Entry(
        event_key, "attachment", timestamp, sender, ATTACHMENT_CONTENT, metadata=target.metadata(document)
    )
    return add_entries(connection, [(place, [entry])])[place.conversation, event_key]


def _decoded(document: dict[str, Any]) -> list[NewFile]:
    given = document.get("attachments")
    files = []
    for index, item in enumerate(given if isinstance(given, list) else []):
        data = item.get("data") if isinstance(item, dict) else None
        if not isinstance(data, str):
            raise ApiError(400, {"error": f"Attachment {index} has no base64 data."})
        try:
            raw = base64.b64decode(data.partition("base64,")[2] or data, validate=True)
        except (binascii.Error, ValueError):
            raise ApiError(400, {"error": f"Attachment {index} is not valid base64."}) from None
        mime_type = safe_mime_type(item.get("mime_type"))
        name = safe_filename(item.get("filename"), index, mime_type)
        files.append(NewFile(name, mime_type, attachment_type(mime_type), raw))
    return files


def _check(files: list[NewFile]) -> None:
    if not files:
        raise ApiError(400, {"error": "No attachment files found."})
    if len(files) > MAX_FILES:
        raise ApiError(413, {"detail": f"A request may carry {MAX_FILES} files."})
    if any(len(file.data) > MAX_FILE_BYTES for file in files):
        raise ApiError(413, {"detail": f"A file may have {MAX_FILE_BYTES // 1024**2} MB."})


def _check_quota(call: Call, connection: Connection, files: list[NewFile]) -> None:
    if call.attachment_quota is None:
        return
    kept = attachments.total_bytes(connection, call.agent_id)
    if kept + sum(len(file.data) for file in files) > call.attachment_quota:
        detail = f"The attachments of an agent may have {call.attachment_quota:,} bytes in all."
        raise ApiError(413, {"detail": detail})


def conversation_attachments(call: Call) -> Answer:
    """List the files of a conversation, with the keys of both generations."""
    shaper = Shapes(call.base_url, call.store.secret)
    with call.store.read() as connection:
        row = listing.one_conversation(connection, call.agent_id, key(call))
        if row is None:
            raise not_found()
        rows = details.attachment_rows(connection, call.agent_id, row["id"])
    messages: dict[int, dict[str, Any]] = {}
    for item in rows:
        message = messages.setdefault(
            item["message"],
            {
                "message_id": item["message"],
                "sender": item["sender"],
                "timestamp": iso(item["timestamp"]),
                "attachments": [],
            },
        )
        message["attachments"].append(shaper.attachment(item))
    body = {
        "conversation_id": row["conversation_id"],
        "conversation": row["id"],
        "attachment_count": len(rows),
        "total_attachments": len(rows),
        "attachments": [shaper.attachment(item) for item in rows],
        "messages": list(messages.values()),
    }
    return Answer(body)


def download(call: Call) -> Answer:
    """Return a file's bytes to whoever has its signed URL.

    Only images whose first bytes say that they are one may be shown in place; nothing may run.
    """
    attachment = key(call)
    signature = call.query.get("signature", "")
    if not is_valid(call.store.secret, attachment, call.query.get("expires", ""), signature):
        raise ApiError(403, {"detail": "This link is not valid or has expired."})
    with call.store.read() as connection:
        found = attachments.read_file(connection, call.store.files, attachment)
    if found is None:
        raise not_found()
    row, data = found
    image = sniff_image(data)
    headers = {
        "Content-Type": image or row["mime_type"],
        "Content-Disposition": f"{'inline' if image else 'attachment'}; filename*=UTF-8''"
        + quote(row["filename"], safe=""),
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cache-Control": "private, max-age=300",
    }
    return Answer(data, 200, headers)

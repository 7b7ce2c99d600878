"""Reading multipart uploads."""

from __future__ import annotations

import io
from typing import Any

import msgspec
import python_multipart
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File

from agentsight_otel.server.api.body import MAX_UPLOAD
from agentsight_otel.server.api.http import ApiError, Call
from agentsight_otel.server.filenames import attachment_type, safe_filename, safe_mime_type
from agentsight_otel.server.store.attachments import NewFile

_CONFIG = {"MAX_MEMORY_FILE_SIZE": MAX_UPLOAD, "MAX_BODY_SIZE": MAX_UPLOAD}


def read_form(call: Call) -> tuple[dict[str, Any], list[NewFile]]:
    """Return a form's fields and its files.

    Raises:
        ApiError: 400, the body is no form.
    """
    fields: dict[str, Any] = {}
    files: list[File] = []

    def on_field(field: Field) -> None:
        name = (field.field_name or b"").decode("utf-8", "replace")
        fields[name] = (field.value or b"").decode("utf-8", "replace")

    headers: dict[str, bytes] = {"Content-Type": call.headers["content-type"].encode()}
    try:
        parser = python_multipart.create_form_parser(headers, on_field, files.append, config=_CONFIG)
        parser.write(call.body)
        parser.finalize()
    except (FormParserError, ValueError):
        raise ApiError(400, {"error": "The form could not be read."}) from None
    if isinstance(fields.get("metadata"), str):
        fields["metadata"] = _json(fields["metadata"])
    return fields, [_file(index, file) for index, file in enumerate(files)]


def _json(text: str) -> Any:
    try:
        return msgspec.json.decode(text) if text else None
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise ApiError(400, {"metadata": ["Value must be valid JSON."]}) from None


def _file(index: int, file: File) -> NewFile:
    file.file_object.seek(0)
    data = file.file_object.read() if isinstance(file.file_object, io.BytesIO) else b""
    mime_type = safe_mime_type(getattr(file, "content_type", None))
    name = safe_filename((file.file_name or b"").decode("utf-8", "replace"), index, mime_type)
    return NewFile(name, mime_type, attachment_type(mime_type), data)

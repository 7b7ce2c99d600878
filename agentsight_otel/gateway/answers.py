"""What an OTLP/HTTP receiver answers, in the encoding of the request."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from starlette.responses import Response

RETRY_AFTER = 5
"""Seconds after which a sender should try again what we could not keep."""


class Encoding(StrEnum):
    """The two content types of OTLP/HTTP; answers carry them exactly, without parameters."""

    PROTOBUF = "application/x-protobuf"
    JSON = "application/json"


class Refused(Exception):
    """A request is answered with an error.

    Args:
        status: HTTP status; a sender tries 429 and 503 again, and drops the data on any other.
        message: Why, without anything of the content.
        retry_after: Whole seconds a sender should wait, with 429 and 503.
    """

    def __init__(self, status: int, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after = retry_after


# google.rpc.Code of each HTTP status we answer.
_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 413: 3, 415: 3, 429: 8, 503: 14}
_UNKNOWN = 2


def success(encoding: Encoding) -> Response:
    """Everything was taken."""
    return Response(b"{}" if encoding is Encoding.JSON else b"", media_type=encoding)


def partial_success(encoding: Encoding, signal: str, rejected: int, reason: str) -> Response:
    """All but *rejected* items were taken; a sender does not send them again."""
    if signal == "traces":
        traces = ExportTraceServiceResponse()
        traces.partial_success.rejected_spans = rejected
        traces.partial_success.error_message = reason
        message, name = traces.SerializeToString(), "rejectedSpans"
    else:
        logs = ExportLogsServiceResponse()
        logs.partial_success.rejected_log_records = rejected
        logs.partial_success.error_message = reason
        message, name = logs.SerializeToString(), "rejectedLogRecords"
    if encoding is Encoding.JSON:
        message = _json({"partialSuccess": {name: str(rejected), "errorMessage": reason}})
    return Response(message, media_type=encoding)


def refusal(encoding: Encoding, refused: Refused) -> Response:
    """Answer an error with a ``google.rpc.Status``."""
    code = _CODES.get(refused.status, _UNKNOWN)
    if encoding is Encoding.JSON:
        body = _json({"code": code, "message": refused.message})
    else:
        body = _status_message(code, refused.message)
    response = Response(body, refused.status, media_type=encoding)
    if refused.retry_after is not None:
        response.headers["Retry-After"] = str(refused.retry_after)
    if refused.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if refused.status == 405:
        response.headers["Allow"] = "POST"
    return response


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _status_message(code: int, message: str) -> bytes:
    """Encode google.rpc.Status by hand: field 1 is the code, field 2 the message."""
    text = message.encode()
    return b"\x08" + _varint(code) + b"\x12" + _varint(len(text)) + text


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)

"""OTLP requests for tests: built as protobuf, and written as OTLP JSON from the same message."""

from __future__ import annotations

import base64
import gzip
import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
KEY = "ags_" + "0" * 32 + "_abcdef"
NOW = 1_790_000_000_000_000_000


def to_json(message: Message) -> bytes:
    """Write a request as OTLP JSON: protobuf's mapping, but for ids in hexadecimal and enums as numbers."""
    tree = MessageToDict(message, use_integers_for_enums=True)
    _hex_ids(tree)
    return json.dumps(tree).encode()


def _hex_ids(node: Any) -> None:
    if isinstance(node, list):
        for item in node:
            _hex_ids(item)
    elif isinstance(node, dict):
        for name, value in node.items():
            if name in {"traceId", "spanId", "parentSpanId"}:
                node[name] = base64.b64decode(value).hex()
            elif name != "stringValue":
                _hex_ids(value)


def traces(count: int = 1, *, conversation: str = "conv_1", attributes: int = 0, first: int = 1) -> Any:
    """Build a request of *count* model calls in one trace, numbered from *first*."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    _put(group.resource.attributes, "service.name", "shop")
    scoped = group.scope_spans.add(schema_url="https://opentelemetry.io/schemas/1.37.0")
    scoped.scope.name, scoped.scope.version = "agent", "1.0"
    for number in range(first, first + count):
        start = NOW + number * 1_000_000
        span = scoped.spans.add(
            trace_id=conversation.encode().ljust(16, b"\x01")[:16],
            span_id=number.to_bytes(8, "big"),
            name="chat gpt-4o",
            kind=3,
            start_time_unix_nano=start,
            end_time_unix_nano=start + 500_000,
        )
        _put(span.attributes, "gen_ai.operation.name", "chat")
        _put(span.attributes, "gen_ai.conversation.id", conversation)
        _put(span.attributes, "gen_ai.request.model", "gpt-4o")
        _put(span.attributes, "gen_ai.input.messages", _messages("user", f"question {number}"))
        _put(span.attributes, "gen_ai.output.messages", _messages("assistant", f"answer {number}"))
        for extra in range(attributes):
            _put(span.attributes, f"app.attribute.{extra}", f"value {extra} of span {number}")
    return request


def logs(name: str = "gen_ai.evaluation.result", **fields: Any) -> Any:
    """Build a request of one log event of span 1 of `traces`."""
    request = ExportLogsServiceRequest()
    values = {
        "time_unix_nano": NOW,
        "trace_id": b"conv_1".ljust(16, b"\x01"),
        "span_id": (1).to_bytes(8, "big"),
        "event_name": name,
    } | fields
    record = request.resource_logs.add().scope_logs.add().log_records.add(**values)
    _put(record.attributes, "gen_ai.evaluation.name", "relevance")
    return request


def _messages(role: str, text: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])


def _put(attributes: Any, key: str, value: str) -> None:
    pair = attributes.add(key=key)
    pair.value.string_value = value


class Answer:
    """An HTTP answer."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def post(
    url: str,
    path: str,
    body: bytes,
    content_type: str = PROTOBUF,
    *,
    key: str | None = KEY,
    zipped: bool = False,
    method: str = "POST",
    **headers: str,
) -> Answer:
    """Send one request and return the answer."""
    sent = {"Content-Type": content_type} | ({"Authorization": f"Bearer {key}"} if key else {})
    if zipped:
        body = gzip.compress(body, 1)
        sent["Content-Encoding"] = "gzip"
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    try:
        connection.request(method, path, body, sent)
        return Answer(connection.getresponse())
    finally:
        connection.close()

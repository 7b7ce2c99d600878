"""Receives spans sent by OTLP over HTTP, as protobuf or JSON, in the fields of ``SpanData``."""

from __future__ import annotations

import base64
import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from dump import without_defaults

Json = dict[str, Any]
_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
_STATUSES = ("unset", "ok", "error")


class OtlpSink:
    """What was received, until it is taken.

    Attributes:
        url: Base URL, as ``OTEL_EXPORTER_OTLP_ENDPOINT`` wants it.
        spans: In the order of arrival.
    """

    def __init__(self) -> None:
        self.url = ""
        self.spans: list[Json] = []

    def take(self) -> list[Json]:
        """The spans since the last call."""
        spans, self.spans = self.spans, []
        return spans


@contextmanager
def otlp_sink() -> Iterator[OtlpSink]:
    """Receive on a free port of the loopback interface."""
    sink = OtlpSink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            if self.path.endswith("/v1/traces"):
                sink.spans += list(_spans(_request(body, self.headers["Content-Type"])))
            self.send_response(200)
            self.send_header("Content-Type", self.headers["Content-Type"])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        sink.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield sink
        finally:
            server.shutdown()
            thread.join(10)


def _request(body: bytes, content_type: str) -> Json:
    if content_type.startswith("application/json"):
        request: Json = json.loads(body)
        return request
    from google.protobuf.json_format import MessageToDict  # noqa: PLC0415 - only where protobuf is sent
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (  # noqa: PLC0415 - as above
        ExportTraceServiceRequest,
    )

    return MessageToDict(ExportTraceServiceRequest.FromString(body), use_integers_for_enums=True)


def _spans(request: Json) -> Iterator[Json]:
    for resource in request.get("resourceSpans", ()):
        about = _attributes(resource.get("resource", {}))
        for scope in resource.get("scopeSpans", ()):
            named = scope.get("scope", {})
            told = {"name": named.get("name"), "version": named.get("version")}
            for span in scope.get("spans", ()):
                yield _span(span) | without_defaults({"resource": about, "scope": without_defaults(told)})


def _span(span: Json) -> Json:
    status = span.get("status", {})
    optional = {
        "parent_span_id": _id(span.get("parentSpanId", ""), 16),
        "kind": _KINDS[span.get("kind", 0)],
        "status": _STATUSES[status.get("code", 0)],
        "status_description": status.get("message"),
        "attributes": _attributes(span),
        "events": [
            {"name": event["name"], "time_ns": int(event["timeUnixNano"])}
            | without_defaults({"attributes": _attributes(event)})
            for event in span.get("events", ())
        ],
        "links": [
            {"trace_id": _id(link["traceId"], 32), "span_id": _id(link["spanId"], 16)}
            for link in span.get("links", ())
        ],
        "trace_state": span.get("traceState"),
        "dropped_attributes": span.get("droppedAttributesCount"),
        "dropped_events": span.get("droppedEventsCount"),
    }
    return {
        "trace_id": _id(span["traceId"], 32),
        "span_id": _id(span["spanId"], 16),
        "name": span["name"],
        "start_ns": int(span["startTimeUnixNano"]),
        "end_ns": int(span["endTimeUnixNano"]),
    } | without_defaults(optional)


def _id(text: str, digits: int) -> str:
    """An id in hexadecimal: OTLP's JSON has it so, protobuf's own in base64."""
    return text if len(text) in {0, digits} else base64.b64decode(text).hex()


def _attributes(holder: Json) -> Json:
    return {item["key"]: _value(item["value"]) for item in holder.get("attributes", ())}


def _value(value: Json) -> Any:
    [(kind, content)] = value.items() or [("", None)]
    if kind == "intValue":
        return int(content)
    if kind == "arrayValue":
        return [_value(item) for item in content.get("values", ())]
    if kind == "kvlistValue":
        return {item["key"]: _value(item["value"]) for item in content.get("values", ())}
    return content

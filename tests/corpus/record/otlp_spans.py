"""Spans that were sent by OTLP, as protobuf or JSON, in the fields of ``SpanData``."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from typing import Any

from dump import without_defaults
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from otlp_sink import Export

Json = dict[str, Any]
_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
_STATUSES = ("unset", "ok", "error")


def spans_of(exports: Iterable[Export]) -> Iterator[Json]:
    """Iterate over the spans that were received, in the order of arrival."""
    for export in exports:
        if export.path.endswith("/v1/traces"):
            yield from _spans(_request(export.body, export.content_type))


def _request(body: bytes, content_type: str) -> Json:
    if content_type.startswith("application/json"):
        request: Json = json.loads(body)
        return request
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

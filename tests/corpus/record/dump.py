"""Every span and log record of a run as JSON, in the fields of `agentsight_otel.translation.span_data`.

Runs in the environments of the frameworks, so it knows neither msgspec nor this package, only the public
face of the OpenTelemetry SDK.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult


class SpanCollector(SpanExporter):
    """Keeps every finished span until it is taken."""

    def __init__(self) -> None:
        self._spans: list[dict[str, Any]] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Keep *spans*."""
        self._spans += [span_json(span) for span in spans]
        return SpanExportResult.SUCCESS

    def add(self, spans: Iterable[dict[str, Any]]) -> None:
        """Keep spans that are in these fields already."""
        self._spans += spans

    def shutdown(self) -> None:
        """Nothing to close."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing waits."""
        return timeout_millis >= 0

    def take(self) -> list[dict[str, Any]]:
        """The spans since the last call."""
        spans, self._spans = self._spans, []
        return spans


class LogCollector:
    """Keeps every log record of a span until it is taken; a LogRecordProcessor by its methods."""

    def __init__(self) -> None:
        self._logs: list[dict[str, Any]] = []

    def on_emit(self, log_record: Any) -> None:
        """Keep the record if it is an event of a span."""
        record = log_record.log_record
        if record.trace_id:
            self._logs.append(log_json(log_record))

    def add(self, records: Iterable[dict[str, Any]]) -> None:
        """Keep records that are in these fields already."""
        self._logs += records

    def shutdown(self) -> None:
        """Nothing to close."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing waits."""
        return timeout_millis >= 0

    def take(self) -> list[dict[str, Any]]:
        """The records since the last call."""
        logs, self._logs = self._logs, []
        return logs


def plain(value: Any) -> Any:
    """An attribute value as JSON has it; bytes become base64."""
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, str) or value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    return str(value)


def without_defaults(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields that say something."""
    return {name: value for name, value in fields.items() if value not in (None, "", 0, False, [], {})}


def span_json(span: ReadableSpan) -> dict[str, Any]:
    """A finished span in the fields of ``SpanData``; those at their defaults are left out."""
    context = span.get_span_context()
    assert context is not None, span.name
    parent = span.parent
    optional = {
        "parent_span_id": f"{parent.span_id:016x}" if parent else None,
        "kind": span.kind.name.lower(),
        "status": span.status.status_code.name.lower(),
        "status_description": span.status.description,
        "attributes": plain(span.attributes or {}),
        "events": [_event(event) for event in span.events],
        "links": [
            {"trace_id": f"{link.context.trace_id:032x}", "span_id": f"{link.context.span_id:016x}"}
            | without_defaults({"attributes": plain(link.attributes or {})})
            for link in span.links
        ],
        "resource": plain(span.resource.attributes),
        "scope": scope_json(span.instrumentation_scope),
        "trace_state": context.trace_state.to_header(),
        "parent_is_remote": bool(parent and parent.is_remote),
        "dropped_attributes": span.dropped_attributes,
        "dropped_events": span.dropped_events,
        "dropped_links": span.dropped_links,
    }
    return {
        "trace_id": f"{context.trace_id:032x}",
        "span_id": f"{context.span_id:016x}",
        "name": span.name,
        "start_ns": span.start_time,
        "end_ns": span.end_time,
    } | without_defaults(optional)


def log_json(data: Any) -> dict[str, Any]:
    """A log record in the fields of ``LogData``."""
    record = data.log_record
    event = {
        "name": record.event_name or (record.attributes or {}).get("event.name", ""),
        "time_ns": record.timestamp or record.observed_timestamp or 0,
    }
    event |= without_defaults({"attributes": plain(record.attributes or {}), "body": plain(record.body)})
    return {
        "trace_id": f"{record.trace_id:032x}",
        "span_id": f"{record.span_id:016x}",
        "event": event,
    } | without_defaults(
        {"resource": plain(data.resource.attributes), "scope": scope_json(data.instrumentation_scope)}
    )


def _event(event: Any) -> dict[str, Any]:
    return {"name": event.name, "time_ns": event.timestamp} | without_defaults(
        {"attributes": plain(event.attributes or {})}
    )


def scope_json(scope: Any) -> dict[str, Any]:
    """An instrumentation scope in the fields of ``ScopeData``."""
    if scope is None:
        return {}
    return without_defaults({"name": scope.name, "version": scope.version, "schema_url": scope.schema_url})


def _places() -> list[tuple[str, str]]:
    """This machine's folders, longest first, and what stands for them in a recording."""
    found = {
        os.environ.get("CORPUS_NODE_DIR", ""): "/node",
        sys.prefix: "/env",
        sys.base_prefix: "/python",
        str(Path(__file__).parents[3]): "/project",
    }
    return sorted(((place, name) for place, name in found.items() if place), key=lambda pair: -len(pair[0]))


def write_json(path: Path, value: Any) -> None:
    """Write *value*, one list item a line; folders in stack traces get neutral names."""
    if isinstance(value, list):
        lines = ",\n".join(json.dumps(item, ensure_ascii=False, separators=(",", ":")) for item in value)
        text = f"[\n{lines}\n]\n"
    else:
        text = json.dumps(value, ensure_ascii=False, indent=1) + "\n"
    for place, name in _places():
        text = text.replace(place, name)
    path.write_text(text, encoding="utf-8")

"""Run the user's mask over every text of a span, on a copy; a mask that fails hides its text."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from typing import Any

import msgspec

from agentsight_otel import semconv
from agentsight_otel.encoding import decode_json, encode_json_str
from agentsight_otel.translation.span_data import EventData, LinkData, LogData, SpanData

MASK_FAILED = "[masked: mask failed]"

Mask = Callable[[str], str]

_STRUCTURE = frozenset(
    {
        semconv.SPAN_KIND,
        semconv.TURN_INCOMPLETE_REASON,
        semconv.MESSAGE_SENDER,
        semconv.ATTACHMENT_SENDER,
        semconv.TIMESTAMP,
        semconv.LLM_REQUESTED_MODEL,
        semconv.GEN_AI_OPERATION_NAME,
        semconv.GEN_AI_PROVIDER_NAME,
        semconv.GEN_AI_SYSTEM,
        semconv.GEN_AI_TOOL_TYPE,
        "event.name",
        "gen_ai.output.type",
        "gen_ai.response.finish_reasons",
        "llm.system",
        "llm.provider",
        "llm.finish_reason",
        "llm.request.type",
        "input.mime_type",
        "output.mime_type",
        "langfuse.observation.type",
        "mlflow.spanType",
        "ai.operationId",
        "ai.response.finishReason",
        "span.type",
        "id",
        "role",
        "type",
        "modality",
        "mime_type",
        "finish_reason",
    }
)
_STRUCTURE_ENDINGS = (
    ".id",
    "_id",
    "Id",
    ".role",
    ".type",
    ".kind",
    ".model",
    ".model_name",
    ".finish_reason",
    ".annotator_kind",
    ".mime_type",
)
# What stands under a structural key is left alone only while it looks like a name and not like a sentence.
_IDENTIFIER = re.compile(r"[\w.:/+@\-]{1,256}", re.ASCII)
_JSON_STARTS = frozenset({"{", "[", '"'})


def mask_span(span: SpanData, mask: Callable[[str], str]) -> SpanData:
    """Return a copy of *span* with *mask* applied to every text.

    Texts are the values of attributes (nested ones and the leaves of JSON texts too), event names and their
    attributes, link and resource attributes, the status description and the span's name. Ids, kinds, roles,
    model names and numbers are left, so that translation still works.

    Args:
        span: Is not changed.
        mask: Gets a text and returns what may leave. When it raises, or returns anything but text, that
            one text becomes ``[masked: mask failed]``.
    """
    return msgspec.structs.replace(
        span,
        name=_masked(span.name, mask),
        status_description=_masked(span.status_description, mask) if span.status_description else "",
        attributes=_mask_mapping(span.attributes, mask),
        events=tuple(mask_event(event, mask) for event in span.events),
        links=tuple(
            LinkData(link.trace_id, link.span_id, _mask_mapping(link.attributes, mask)) for link in span.links
        ),
        resource=_mask_mapping(span.resource, mask),
    )


def mask_log(log: LogData, mask: Callable[[str], str]) -> LogData:
    """Return a copy of *log* with *mask* applied as in `mask_span`."""
    return msgspec.structs.replace(
        log, event=mask_event(log.event, mask), resource=_mask_mapping(log.resource, mask)
    )


def mask_event(event: EventData, mask: Callable[[str], str]) -> EventData:
    """Return a copy of *event* with *mask* applied as in `mask_span`; GenAI event names are left."""
    known = event.name.startswith(("agentsight.", "gen_ai.")) or event.name == "exception"
    return EventData(
        event.name if known and _IDENTIFIER.fullmatch(event.name) else _masked(event.name, mask),
        event.time_ns,
        _mask_mapping(event.attributes, mask),
        _mask_value("", event.body, mask),
    )


def _mask_mapping(mapping: dict[str, Any], mask: Mask) -> dict[str, Any]:
    return {key: _mask_value(key, value, mask) for key, value in mapping.items()}


def _mask_value(key: str, value: Any, mask: Mask) -> Any:
    if isinstance(value, str):
        return _mask_text(key, value, mask)
    if isinstance(value, dict):
        return _mask_mapping(value, mask)
    if isinstance(value, list | tuple):
        return [_mask_value(key, item, mask) for item in value]
    if isinstance(value, bytes):
        return _mask_bytes(value, mask)
    return value


def _mask_text(key: str, text: str, mask: Mask) -> str:
    if not text or (_is_structural(key) and _IDENTIFIER.fullmatch(text)):
        return text
    if text.lstrip()[:1] in _JSON_STARTS:
        try:
            value = decode_json(text)
            masked = _mask_value("", value, mask)
            return text if masked == value else encode_json_str(masked)
        except (msgspec.DecodeError, RecursionError):
            pass
    return _masked(text, mask)


def _mask_bytes(data: bytes, mask: Mask) -> bytes:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return data
    return _masked(text, mask).encode()


def _is_structural(key: str) -> bool:
    return key in _STRUCTURE or key.endswith(_STRUCTURE_ENDINGS)


def _masked(text: str, mask: Mask) -> str:
    # Whatever the user's function raises must hide the text, not stop the export.
    with contextlib.suppress(Exception):
        result = mask(text)
        if isinstance(result, str):
            return result
    return MASK_FAILED

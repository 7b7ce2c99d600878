"""An ingest request's bytes, checked as a whole before anything is written."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Literal

import msgspec

from agentsight_otel import semconv
from agentsight_otel.enums import Sender
from agentsight_otel.server.clock import parse_time
from agentsight_otel.server.countries import location

MAX_FIELD = 255
MAX_REPORTED = 20
"""Failed blocks a rejection names."""

_SHORT_FIELDS = ("customer_id", "device", "source", "language", "name")
_PATH = re.compile(r" - at `\$\.?([A-Za-z_]*)([^`]*)`$")
_NAMED = re.compile(r"(missing required|unknown) field `([^`]*)`")
SENDERS = frozenset(Sender)
_SPAN_ID = re.compile(r"[0-9a-f]{16}")
_TRACE_ID = re.compile(r"[0-9a-f]{32}")


class WireEvent(msgspec.Struct):
    """An event of a span on the wire."""

    name: str
    timestamp: str
    attributes: dict[str, Any] = {}


class WireSpan(msgspec.Struct):
    """The parts of a span that the projection reads; the rest stays in the archived text."""

    span_id: str
    trace_id: str
    started_at: str
    ended_at: str
    parent_span_id: str | None = None
    kind: str = "unknown"
    name: str = ""
    duration_ms: float | None = None
    status: Literal["unset", "ok", "error"] = "unset"
    attributes: dict[str, Any] = {}
    events: list[WireEvent] = []


class WireBlock(msgspec.Struct, forbid_unknown_fields=True):
    """One conversation on the wire. A field that is absent or null changes nothing."""

    conversation_id: str
    customer_id: str | None = None
    customer_ip_address: str | None = None
    device: str | None = None
    source: str | None = None
    language: str | None = None
    name: str | None = None
    environment: str | None = None
    metadata: dict[str, Any] | None = None
    spans: list[msgspec.Raw] = []


class Span(msgspec.Struct):
    """A checked span: what was read, its times in microseconds, and its text as received."""

    wire: WireSpan
    started_at: int
    ended_at: int
    event_times: list[int]
    payload: str


class CheckedBlock(msgspec.Struct):
    """A checked block. ``fields`` holds what is to be written on the conversation."""

    conversation_id: str
    environment: str | None
    fields: dict[str, Any]
    spans: list[Span]


class Rejected(Exception):
    """The request is not to be written; ``body`` is the answer's."""

    def __init__(self, body: dict[str, Any]) -> None:
        super().__init__("rejected")
        self.body = body


class BlockError(Exception):
    """One block is wrong; ``errors`` maps fields to lists of texts."""

    def __init__(self, field: str, *texts: str) -> None:
        super().__init__(field)
        self.errors = {field: list(texts)}


class Envelope(msgspec.Struct):
    """A whole request, its blocks unread."""

    conversations: list[msgspec.Raw]
    sdk: Any = None

    @property
    def sdk_name(self) -> str | None:
        """Name of the SDK that sent it, if it says so."""
        name = self.sdk.get("name") if isinstance(self.sdk, dict) else None
        return name if isinstance(name, str) else None


_decode_envelope = msgspec.json.Decoder(Envelope).decode
_decode_block = msgspec.json.Decoder(WireBlock).decode
_decode_span = msgspec.json.Decoder(WireSpan).decode


def normalise_slug(slug: str) -> str:
    """Return the environment a spelling means: trimmed, lower case, ``prod`` and ``dev`` in full."""
    slug = slug.strip().lower()
    return {"prod": "production", "dev": "development"}.get(slug, slug)


def read_envelope(body: bytes) -> Envelope:
    """Read a request, but not its blocks.

    Raises:
        Rejected: The body is not strict JSON or not an envelope.
    """
    try:
        return _decode_envelope(body)
    except msgspec.ValidationError as error:
        raise Rejected(_envelope_error(str(error))) from None
    except (ValueError, RecursionError, msgspec.DecodeError):
        raise Rejected({"detail": "JSON parse error - the body is not strict UTF-8 JSON."}) from None


def check_blocks(envelope: Envelope, environments: dict[str, int]) -> list[CheckedBlock]:
    """Read and check every block of a request.

    Args:
        envelope: The request.
        environments: The agent's environments, slug → id.

    Raises:
        Rejected: Something in it is wrong; nothing may be written.
    """
    blocks: list[CheckedBlock] = []
    failed: list[dict[str, Any]] = []
    for index, raw in enumerate(envelope.conversations):
        try:
            blocks.append(_check_block(raw, environments))
        except BlockError as error:
            failed.append({"index": index, "conversation_id": _echo_id(raw), "errors": error.errors})
    if failed:
        raise Rejected(rejection(failed, len(envelope.conversations)))
    return blocks


def rejection(failed: list[dict[str, Any]], total: int) -> dict[str, Any]:
    """Return the body that names the failed blocks of a request."""
    body: dict[str, Any] = {
        "detail": f"{len(failed)} of {total} conversation blocks failed validation. Nothing was written.",
        "conversations": failed[:MAX_REPORTED],
    }
    if len(failed) > MAX_REPORTED:
        body["truncated"] = True
    return body


def _check_block(raw: msgspec.Raw, environments: dict[str, int]) -> CheckedBlock:
    try:
        wire = _decode_block(raw)
    except msgspec.ValidationError as error:
        raise _block_error(str(error)) from None
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise BlockError("non_field_errors", "Not strict UTF-8 JSON.") from None
    if not wire.conversation_id.strip():
        raise BlockError("conversation_id", "This field may not be blank.")
    for field in ("conversation_id", *_SHORT_FIELDS):
        if len(getattr(wire, field) or "") > MAX_FIELD:
            raise BlockError(field, f"Ensure this field has no more than {MAX_FIELD} characters.")
    if wire.environment is not None and normalise_slug(wire.environment) not in environments:
        raise BlockError("environment", f"Unknown environment: '{wire.environment}'.")
    fields = {field: getattr(wire, field) for field in (*_SHORT_FIELDS, "metadata")}
    fields["customer_ip_address"] = _address(wire.customer_ip_address)
    fields["geo_location"] = location(fields["customer_ip_address"])
    return CheckedBlock(
        wire.conversation_id,
        None if wire.environment is None else normalise_slug(wire.environment),
        {field: value for field, value in fields.items() if value is not None},
        [_check_span(index, span) for index, span in enumerate(wire.spans)],
    )


def _check_span(index: int, raw: msgspec.Raw) -> Span:
    try:
        return _read_span(raw)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise BlockError("spans", f"Span {index}: {error}.") from None


def _read_span(raw: msgspec.Raw) -> Span:
    wire = _decode_span(raw)
    if not _SPAN_ID.fullmatch(wire.span_id):
        raise ValueError("span_id must be 16 lowercase hexadecimal digits")
    if not _TRACE_ID.fullmatch(wire.trace_id):
        raise ValueError("trace_id must be 32 lowercase hexadecimal digits")
    if wire.parent_span_id and not _SPAN_ID.fullmatch(wire.parent_span_id):
        raise ValueError("parent_span_id must be 16 lowercase hexadecimal digits or null")
    event_times = []
    for i, event in enumerate(wire.events):
        event_times.append(_time(f"events[{i}].timestamp", event.timestamp))
        if (
            event.name == semconv.MESSAGE_EVENT
            and event.attributes.get(semconv.MESSAGE_SENDER) not in SENDERS
        ):
            raise ValueError(f"events[{i}]: {semconv.MESSAGE_SENDER} must be end_user, agent or system")
    started_at, ended_at = _time("started_at", wire.started_at), _time("ended_at", wire.ended_at)
    return Span(wire, started_at, ended_at, event_times, bytes(raw).decode())


def _time(field: str, text: str) -> int:
    try:
        return parse_time(text)
    except ValueError:
        raise ValueError(f"{field} must be an ISO 8601 time from 1970 to 9999") from None


def _address(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        raise BlockError("customer_ip_address", "Enter a valid IPv4 or IPv6 address.") from None


def _block_error(text: str) -> BlockError:
    if named := _NAMED.search(text):
        return BlockError(named[2], "This field is required." if "missing" in named[1] else "Unknown field.")
    where = _PATH.search(text)
    return BlockError(where[1] if where and where[1] else "non_field_errors", _PATH.sub("", text) + ".")


def _envelope_error(text: str) -> dict[str, Any]:
    if "missing required" in text:
        return {"conversations": "This field is required."}
    if "`$.conversations`" in text:
        return {"conversations": "Expected a list of conversation blocks."}
    return {"detail": "Expected a JSON object."}


def _echo_id(raw: msgspec.Raw) -> Any:
    try:
        block = msgspec.json.decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    return block.get("conversation_id") if isinstance(block, dict) else None

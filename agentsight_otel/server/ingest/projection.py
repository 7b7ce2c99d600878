"""What a span becomes: transcript rows, action runs, token counts, feedback. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from agentsight_otel import semconv
from agentsight_otel.encoding import encode_json_str
from agentsight_otel.enums import Sender, Sentiment
from agentsight_otel.server.clock import parse_time
from agentsight_otel.server.ingest.payload import CheckedBlock, Span
from agentsight_otel.server.prices import Tokens, price
from agentsight_otel.server.rows import (
    Click,
    Entry,
    Projected,
    Run,
    SpanRow,
    Usage,
    Vote,
    action_content,
    button_content,
)

VENDOR_SDK = "agentsight-python"
UNKNOWN_MODEL = "unknown"
_HOUR_US = 3_600_000_000
_SENTIMENTS = frozenset(Sentiment)


def project(block: CheckedBlock, sdk_name: str | None = None) -> list[Projected]:
    """Return what each span of a checked block becomes, in the block's order.

    The vendor's SDK gets ``latency_ms`` added to the last agent message of a turn, as its platform does; what
    anybody else sends keeps the metadata it was sent with.
    """
    return [_project(span, latency=sdk_name == VENDOR_SDK) for span in block.spans]


def _project(span: Span, *, latency: bool) -> Projected:
    projected = Projected(_archive(span))
    match span.wire.kind:
        case semconv.KIND_TURN:
            projected.entries = _messages(span, latency=latency) if projected.span.turn_complete else []
        case semconv.KIND_TOOL | semconv.KIND_TASK:
            projected.entries = [_action(span, projected.span.turn_id)]
        case semconv.KIND_BUTTON:
            projected.entries = [_button(span, projected.span.turn_id)]
        case semconv.KIND_LLM:
            projected.usage = _usage(span, projected.span.turn_id)
        case semconv.KIND_FEEDBACK:
            projected.vote = _vote(span)
    return projected


def _archive(span: Span) -> SpanRow:
    wire, attributes = span.wire, span.wire.attributes
    is_turn = wire.kind == semconv.KIND_TURN
    turn_id = wire.span_id if is_turn else (_text(attributes, semconv.TURN_ID)[:16] or None)
    return SpanRow(
        span_id=wire.span_id,
        trace_id=wire.trace_id,
        parent_span_id=wire.parent_span_id or None,
        kind=wire.kind[:50],
        name=wire.name,
        started_at=span.started_at,
        ended_at=span.ended_at,
        duration_ms=_duration_ms(span),
        status=wire.status,
        turn_id=turn_id,
        turn_complete=attributes.get(semconv.TURN_COMPLETE) is not False if is_turn else None,
        incomplete_reason=_text(attributes, semconv.TURN_INCOMPLETE_REASON)[:50] or None,
        payload=span.payload,
    )


def _messages(span: Span, *, latency: bool) -> list[Entry]:
    entries = []
    for index, event in enumerate(span.wire.events):
        if event.name != semconv.MESSAGE_EVENT:
            continue
        entry = Entry(
            event_key=f"{span.wire.span_id}:{index}",
            kind="message",
            timestamp=span.event_times[index],
            sender=_text(event.attributes, semconv.MESSAGE_SENDER),
            content=_text(event.attributes, semconv.MESSAGE_CONTENT),
            metadata=_document(event.attributes, semconv.MESSAGE_METADATA),
            turn_id=span.wire.span_id,
            span_id=span.wire.span_id,
        )
        entries.append(entry)
    answers = [entry for entry in entries if entry.sender == Sender.AGENT]
    if latency and answers:
        answers[-1].metadata = {"latency_ms": _duration_ms(span), **(answers[-1].metadata or {})}
    return entries


def _action(span: Span, turn_id: str | None) -> Entry:
    attributes = span.wire.attributes
    name = (_text(attributes, semconv.TOOL_NAME) or span.wire.name or "unknown")[:255]
    stated = attributes.get(semconv.TOOL_DURATION_MS)
    run = Run(
        name=name,
        started_at=span.started_at,
        ended_at=span.ended_at,
        duration_ms=float(stated) if isinstance(stated, int | float) else _duration_ms(span),
        tools_used=_parsed(attributes, semconv.TOOL_ARGUMENTS),
        response=_text(attributes, semconv.TOOL_RESPONSE) or None,
        error_message=_text(attributes, semconv.TOOL_ERROR),
        metadata=_document(attributes, semconv.METADATA),
    )
    return _synthetic(span, turn_id, "action", Sender.AGENT, action_content(name), run=run)


def _button(span: Span, turn_id: str | None) -> Entry:
    attributes = span.wire.attributes
    click = Click(
        button_event=_text(attributes, semconv.BUTTON_EVENT),
        label=_text(attributes, semconv.BUTTON_LABEL),
        value=_text(attributes, semconv.BUTTON_VALUE),
        metadata=_document(attributes, semconv.METADATA),
    )
    content = button_content(click.label or click.button_event)
    return _synthetic(span, turn_id, "button", Sender.USER, content, click=click)


def _synthetic(span: Span, turn_id: str | None, kind: str, sender: str, content: str, **extra: Any) -> Entry:
    """Return the transcript row that stands for a span, at the place the span states or else its start."""
    return Entry(
        event_key=span.wire.span_id,
        kind=kind,
        timestamp=_place(span),
        sender=sender,
        content=content,
        metadata=_document(span.wire.attributes, semconv.METADATA),
        turn_id=turn_id,
        span_id=span.wire.span_id,
        **extra,
    )


def _usage(span: Span, turn_id: str | None) -> Usage:
    attributes = span.wire.attributes
    model = (
        _text(attributes, semconv.GEN_AI_REQUEST_MODEL)
        or _text(attributes, semconv.GEN_AI_RESPONSE_MODEL)
        or UNKNOWN_MODEL
    )[:255]
    provider = _text(attributes, semconv.GEN_AI_PROVIDER_NAME) or _text(attributes, semconv.GEN_AI_SYSTEM)
    tokens = Tokens(
        prompt=_number(attributes, semconv.GEN_AI_USAGE_INPUT_TOKENS),
        completion=_number(attributes, semconv.GEN_AI_USAGE_OUTPUT_TOKENS),
        embedding=_number(attributes, semconv.LLM_EMBEDDING_TOKENS),
        cache_read=_number(attributes, semconv.LLM_CACHE_READ_TOKENS),
        cache_write=_number(attributes, semconv.LLM_CACHE_WRITE_TOKENS),
        audio_input=_number(attributes, semconv.LLM_AUDIO_INPUT_TOKENS),
        audio_output=_number(attributes, semconv.LLM_AUDIO_OUTPUT_TOKENS),
    )
    known = sum(tokens[:5])
    at = span.started_at - span.started_at % _HOUR_US
    found = price(model, provider or None, tokens, at) if model != UNKNOWN_MODEL else None
    return Usage(
        event_key=f"{turn_id or span.wire.span_id}:{model}",
        turn_id=turn_id,
        model=model,
        provider=provider[:255] or None,
        started_at=span.started_at,
        ended_at=span.ended_at,
        prompt_tokens=tokens.prompt,
        completion_tokens=tokens.completion,
        embedding_tokens=tokens.embedding,
        cache_read_tokens=tokens.cache_read,
        cache_write_tokens=tokens.cache_write,
        reasoning_tokens=_number(attributes, semconv.LLM_REASONING_TOKENS),
        audio_input_tokens=tokens.audio_input,
        audio_output_tokens=tokens.audio_output,
        total_tokens=max(known, _number(attributes, semconv.LLM_TOTAL_TOKENS)),
        cost_usd_e8=found.usd_e8 if found else None,
        price_source=found.source if found else None,
        unreported_calls=int(attributes.get(semconv.LLM_USAGE_REPORTED) is False),
    )


def _vote(span: Span) -> Vote | None:
    attributes = span.wire.attributes
    sentiment = _text(attributes, semconv.FEEDBACK_SENTIMENT)
    if sentiment not in _SENTIMENTS:
        return None
    return Vote(
        event_key=span.wire.span_id,
        sentiment=sentiment,
        comment=_text(attributes, semconv.FEEDBACK_COMMENT),
        metadata=_document(attributes, semconv.METADATA),
        created_at=_place(span),
    )


def _place(span: Span) -> int:
    stated = span.wire.attributes.get(semconv.TIMESTAMP)
    if isinstance(stated, str):
        try:
            return parse_time(stated)
        except ValueError:
            pass  # the span's own start is the next best place
    return span.started_at


def _duration_ms(span: Span) -> float:
    if span.wire.duration_ms is not None:
        return span.wire.duration_ms
    return (span.ended_at - span.started_at) / 1000


def _text(attributes: dict[str, Any], name: str) -> str:
    value = attributes.get(name)
    if value is None or isinstance(value, str):
        return value or ""
    return encode_json_str(value)


def _number(attributes: dict[str, Any], name: str) -> int:
    value = attributes.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return min(max(int(value), 0), 2**53)


def _parsed(attributes: dict[str, Any], name: str) -> Any:
    value = attributes.get(name)
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value)
    except (ValueError, RecursionError, msgspec.DecodeError):
        return {"value": value}


def _document(attributes: dict[str, Any], name: str) -> dict[str, Any] | None:
    value = _parsed(attributes, name)
    return value if value is None or isinstance(value, dict) else {"value": value}

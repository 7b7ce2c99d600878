"""The write routes of the 0.0.x SDKs: one request per thing recorded."""

from __future__ import annotations

from typing import Any

from agentsight_otel.enums import Sender
from agentsight_otel.server.api import params, target
from agentsight_otel.server.api.http import Answer, Call, bad_field
from agentsight_otel.server.clock import iso, now_us
from agentsight_otel.server.countries import location
from agentsight_otel.server.ingest.projection import UNKNOWN_MODEL
from agentsight_otel.server.rows import Click, Entry, Run, Usage, action_content, button_content
from agentsight_otel.server.store import legacy
from agentsight_otel.server.store.keys import environment_ids
from agentsight_otel.server.store.places import Place, Wanted, fill_gaps, lock_conversations, save
from agentsight_otel.server.store.transcript import add_entries
from agentsight_otel.server.store.usage import add_usage

TOKEN_REPORT = "token_usage"  # noqa: S105 - the name of an action, not a secret
_TEXTS = ("customer_id", "device", "source", "language", "name")
_REPORTED = ("prompt_tokens", "completion_tokens", "embedding_tokens", "total_tokens")


def create_conversation(call: Call) -> Answer:
    """Make a conversation, or return the one there is: stored fields are kept, but it may become used."""
    document = call.document()
    conversation_id = params.text_field(document, "conversation_id", required=True, blank=False) or ""
    values: dict[str, Any] = {name: params.text_field(document, name) for name in _TEXTS}
    values |= {"customer_ip_address": target.address(document), "metadata": target.metadata(document)}
    values["geo_location"] = location(values["customer_ip_address"])
    is_used = params.flag_field(document, "is_used")
    timestamp = params.time_field(document, "timestamp") or now_us()
    with call.store.write() as connection:
        environment_id = params.environment_field(document, environment_ids(connection, call.agent_id))
        wanted = Wanted(conversation_id, environment_id, timestamp, values)
        place = lock_conversations(connection, call.agent_id, [wanted])[0]
        if not place.fresh:
            values = fill_gaps(connection, place, values)
        place.is_used = place.is_used or bool(is_used)
        save(connection, [place])
    del values["geo_location"]  # made from the address, not one of the fields of this answer
    body = {"id": place.conversation, "conversation_id": conversation_id, **values}
    return Answer(body, 201 if place.fresh else 200)


def track(call: Call) -> Answer:
    """Record a message."""
    document = call.document()
    content = params.text_field(document, "content", limit=None, required=True, blank=False) or ""
    sender = params.checked_choice("sender", document.get("sender"), Sender)
    entry = Entry(
        event_key=target.event_key(document, "message", sender, content),
        kind="message",
        timestamp=_timestamp(document),
        sender=sender,
        content=content,
        metadata=target.metadata(document),
    )
    return _record(call, document, entry)


def record_action(call: Call) -> Answer:
    """Record a run of an action, or a report of tokens, which is what ``token_usage`` means."""
    document = call.document()
    name = params.text_field(document, "action_name", required=True, blank=False) or ""
    if name == TOKEN_REPORT and isinstance(document.get("metadata"), dict):
        return _report_tokens(call, document)
    run = Run(
        name=name,
        started_at=params.time_field(document, "started_at"),
        ended_at=params.time_field(document, "ended_at"),
        duration_ms=_duration(document),
        tools_used=document.get("tools_used"),
        response=params.text_field(document, "response", limit=None),
        error_message=params.text_field(document, "error_msg", limit=None) or "",
        metadata=target.metadata(document),
    )
    entry = Entry(
        event_key=target.event_key(document, "action", name, run.response, run.duration_ms, run.metadata),
        kind="action",
        timestamp=_timestamp(document),
        sender=Sender.AGENT,
        content=action_content(name),
        metadata=run.metadata,
        run=run,
    )
    return _record(call, document, entry)


def record_button(call: Call) -> Answer:
    """Record a click."""
    document = call.document()
    texts = [params.text_field(document, name, limit=None, required=True) or "" for name in _CLICK]
    click = Click(texts[0], texts[1], texts[2], target.metadata(document))
    entry = Entry(
        event_key=target.event_key(document, "button", click.button_event, click.label, click.value),
        kind="button",
        timestamp=_timestamp(document),
        sender=Sender.USER,
        content=button_content(click.label),
        metadata=click.metadata,
        click=click,
    )
    return _record(call, document, entry)


_CLICK = ("button_event", "label", "value")


def _record(call: Call, document: dict[str, Any], entry: Entry) -> Answer:
    with call.store.write() as connection:
        place = target.resolve(call, connection, document, entry.timestamp)
        known = place.message_count
        add_entries(connection, [(place, [entry])])
        touch(place, entry.timestamp)
        save(connection, [place])
        found = legacy.recorded(connection, place, entry)
    return Answer(found | {"timestamp": iso(entry.timestamp)}, 201 if place.message_count > known else 200)


def touch(place: Place, timestamp: int) -> None:
    """Note that something happened in a conversation at a time."""
    place.is_used = True
    place.stretch(timestamp, timestamp)


def _report_tokens(call: Call, document: dict[str, Any]) -> Answer:
    timestamp = _timestamp(document)
    counts = {name: _count(document["metadata"], name) for name in _REPORTED}
    counts["total_tokens"] = max(counts["total_tokens"], sum(counts[name] for name in _REPORTED[:3]))
    model = params.text_field(document["metadata"], "model") or UNKNOWN_MODEL
    usage = Usage(
        event_key=target.event_key(document, TOKEN_REPORT, counts),
        turn_id=None,
        model=model,
        provider=None,
        started_at=timestamp,
        ended_at=timestamp,
        prompt_tokens=counts["prompt_tokens"],
        completion_tokens=counts["completion_tokens"],
        embedding_tokens=counts["embedding_tokens"],
        total_tokens=counts["total_tokens"],
    )
    with call.store.write() as connection:
        place = target.resolve(call, connection, document, timestamp)
        row = legacy.find_usage(connection, place, usage.event_key)
        made = row is None
        if row is None:
            add_usage(connection, [(place, [usage])])
            row = legacy.find_usage(connection, place, usage.event_key)
    body = {"id": row, "action_name": TOKEN_REPORT, "conversation": place.conversation, "metadata": counts}
    return Answer(body | {"timestamp": iso(timestamp)}, 201 if made else 200)


def _count(metadata: dict[str, Any], name: str) -> int:
    value = metadata.get(name) or 0
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 2**53:
        raise bad_field("metadata", f"{name} must be a whole number.")
    return int(value)


def _timestamp(document: dict[str, Any]) -> int:
    return params.time_field(document, "timestamp") or now_us()


def _duration(document: dict[str, Any]) -> float | None:
    value = document.get("duration_ms")
    if value is None or value == "":
        return None
    try:
        duration = float(value)
    except (TypeError, ValueError, OverflowError):
        raise bad_field("duration_ms", "A valid number is required.") from None
    if not 0 <= duration < 1e15:
        raise bad_field("duration_ms", "A valid number is required.")
    return duration

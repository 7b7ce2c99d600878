"""What `send_tracked_data()`, `get_tracked_data_summary()` and `get_token_usage()` return."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from typing import Any

from agentsight_otel import semconv
from agentsight_otel.encoding import decode_json
from agentsight_otel.enums import AttachmentMode
from agentsight_otel.tracking.items import Action, Button, File, Files, Item, Message, Opened, Tokens
from agentsight_otel.tracking.outbox import kind
from agentsight_otel.tracking.timeline import Batch
from agentsight_otel.tracking.validation import iso

_PREVIEW_LENGTH = 100
_PREVIEW_FILES = 3
_COUNTERS = {
    "conversation": "conversation",
    "question": "questions",
    "answer": "answers",
    "attachments": "attachments",
    "action": "actions",
    "button": "buttons",
}


def send_report(conversation_id: str, batches: Sequence[Batch]) -> dict[str, Any]:
    """Return the report of a send; see `Tracker.send_tracked_data`."""
    items: list[dict[str, Any]] = []
    summary = dict.fromkeys(("questions", "answers", "attachments", "actions", "buttons", "errors"), 0)
    queued = 0
    for batch in batches:
        error = _error(batch)
        if batch.ticket is not None and batch.ticket.state == "waiting":
            queued += len(batch.entries)
        for item_type, stamp in batch.entries:
            entry = {"index": len(items), "type": item_type, "timestamp": iso(stamp)}
            if error is None:
                items.append({**entry, "response": None, "success": True})
                if _COUNTERS[item_type] in summary:
                    summary[_COUNTERS[item_type]] += 1
            else:
                items.append({**entry, "error": error, "success": False})
                summary["errors"] += 1
    return {
        "items": items,
        "summary": summary,
        "conversation_id": conversation_id,
        "delivered": all(batch.ticket is not None and batch.ticket.state == "delivered" for batch in batches),
        "queued": queued,
    }


def tracked_summary(conversation_id: str | None, items: Iterable[tuple[int, Item]]) -> dict[str, Any]:
    """Return what is tracked and unsent; see `Tracker.get_tracked_data_summary`."""
    summary = dict.fromkeys((*_COUNTERS.values(), "total"), 0)
    listed: list[dict[str, Any]] = []
    for stamp, item in items:
        if isinstance(item, Tokens):
            continue
        data, preview = _described(item, conversation_id)
        summary[_COUNTERS[kind(item)]] += 1
        summary["total"] += 1
        listed.append(
            {
                "type": kind(item),
                "timestamp": iso(stamp),
                "data": data,
                "index": len(listed),
                "preview": preview,
            }
        )
    return {"items": listed, "summary": summary, "conversation_id": conversation_id}


def token_usage(items: Iterable[Item], *, counted_before: bool) -> dict[str, int]:
    """Return the sum of the unsent token counts; empty while none was ever tracked."""
    tracked = [item for item in items if isinstance(item, Tokens)]
    if not tracked and not counted_before:
        return {}
    return {
        "prompt_tokens": sum(item.prompt for item in tracked),
        "completion_tokens": sum(item.completion for item in tracked),
        "total_tokens": sum(item.total for item in tracked),
        "embedding_tokens": sum(item.embedding for item in tracked),
    }


def _error(batch: Batch) -> str | None:
    ticket = batch.ticket
    if ticket is None or ticket.state == "delivered":
        return None
    if ticket.state == "waiting":
        return f"queued: {ticket.error}" if ticket.error else "queued: not delivered yet"
    return ticket.error or "refused"


def _described(item: Item, conversation_id: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
    match item:
        case Message():
            return _message(item, conversation_id)
        case Action():
            return _action(item, conversation_id)
        case Button():
            return _button(item, conversation_id)
        case Files():
            return _attachments(item, conversation_id)
        case Opened():
            return _conversation(item, conversation_id)
        case _:
            raise TypeError(type(item).__name__)


def _message(item: Message, conversation_id: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
    data: dict[str, Any] = {
        "content": item.content,
        "sender": item.sender,
        "conversation_id": conversation_id,
        "metadata": _metadata(item.metadata),
    }
    if item.files:
        data["attachments"] = [_file(file, item.mode) for file in item.files]
        data["attachment_mode"] = item.mode
    more = "..." if len(item.content) > _PREVIEW_LENGTH else ""
    return data, {
        "content_preview": item.content[:_PREVIEW_LENGTH] + more,
        "sender": item.sender,
        "has_metadata": bool(item.metadata),
    }


def _action(item: Action, conversation_id: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
    optional = {
        "started_at": None if item.started_us is None else iso(item.started_us),
        "ended_at": None if item.ended_us is None else iso(item.ended_us),
        "duration_ms": item.duration_ms,
        "tools_used": None if item.arguments is None else decode_json(item.arguments),
        "response": item.response,
        "error_msg": item.error,
    }
    data = {
        "action_name": item.name,
        "conversation_id": conversation_id,
        "metadata": _metadata(item.metadata),
        **{name: value for name, value in optional.items() if value is not None},
    }
    return data, {
        "action_name": item.name,
        "duration_ms": item.duration_ms,
        "has_error": bool(item.error),
        "has_response": bool(item.response),
    }


def _button(item: Button, conversation_id: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
    data = {
        "button_event": item.event,
        "label": item.label,
        "value": item.value,
        "conversation_id": conversation_id,
        "metadata": _metadata(item.metadata),
    }
    return data, {"label": item.label, "value": item.value, "event": item.event}


def _attachments(item: Files, conversation_id: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
    data = {
        "attachments": [_file(file, item.mode) for file in item.files],
        "metadata": _metadata(item.metadata),
        "mode": item.mode,
        "sender": item.sender,
        "conversation_id": conversation_id,
    }
    names = [file.filename for file in item.files[:_PREVIEW_FILES]]
    if len(item.files) > _PREVIEW_FILES:
        names.append(f"... and {len(item.files) - _PREVIEW_FILES} more")
    return data, {"count": len(item.files), "mode": item.mode, "sender": item.sender, "files": names}


def _conversation(item: Opened, conversation_id: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
    fields: dict[str, Any] = dict.fromkeys(semconv.CONVERSATION_FIELDS)
    fields |= item.fields
    if "metadata" in item.fields:
        fields["metadata"] = _metadata(item.fields["metadata"])
    data = {"conversation_id": conversation_id, **fields, "is_used": True}
    return data, {name: data[name] for name in ("conversation_id", "customer_id", "name", "environment")}


def _file(file: File, mode: str) -> dict[str, Any]:
    data = base64.b64encode(file.data).decode() if mode == AttachmentMode.BASE64 else file.data
    return {"filename": file.filename, "mime_type": file.mime_type, "data": data}


def _metadata(text: str) -> Any:
    return decode_json(text) if text else {}

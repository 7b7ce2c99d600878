"""Rows as the REST contract shows them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agentsight_otel.server.api.signing import file_url
from agentsight_otel.server.clock import iso
from agentsight_otel.server.rows import ADDED_UP
from agentsight_otel.server.store.details import Row, Transcripts

_E8 = 10**8
TOKEN_COLUMNS = ADDED_UP[:-2]


class Shapes:
    """Turns rows into JSON objects; knows how to sign the URLs of files."""

    def __init__(self, base_url: str, secret: bytes) -> None:
        self._base_url = base_url
        self._secret = secret

    def transcript(self, conversation: int, details: Transcripts) -> list[dict[str, Any]]:
        """Return a conversation's messages in order of time."""
        return [self.message(row, details) for row in details.messages.get(conversation, [])]

    def message(self, row: Row, details: Transcripts) -> dict[str, Any]:
        """Return one message with all that belongs to it."""
        key = row["id"]
        clicks = details.buttons.get(key, [])
        votes = details.votes.get(key, [])
        return {
            "id": key,
            "conversation": row["conversation"],
            "timestamp": iso(row["timestamp"]),
            "sender": row["sender"],
            "content": row["content"],
            "action_name": row["action_name"],
            "metadata": row["metadata"],
            "attachments": [self.attachment(item) for item in details.attachments.get(key, [])],
            "action_logs": [action_log(item) for item in details.action_logs.get(key, [])],
            "button": button(clicks[0]) if clicks else None,
            "feedback": feedback(votes[0]) if votes else None,
        }

    def attachment(self, row: Row) -> dict[str, Any]:
        """Return an attachment with a URL that works for an hour."""
        return {
            "id": row["id"],
            "message": row["message"],
            "type": row["type"],
            "filename": row["filename"],
            "mime_type": row["mime_type"],
            "size_bytes": row["size_bytes"],
            "file_url": file_url(self._base_url, self._secret, row["id"]),
        }


def conversation(row: Row) -> dict[str, Any]:
    """Return the fields that every form of a conversation has."""
    return {
        "id": row["id"],
        "agent": row["agent_id"],
        "conversation_id": row["conversation_id"],
        "name": row["name"],
        "customer_id": row["customer_id"],
        "customer_ip_address": row["customer_ip_address"],
        "device": row["device"],
        "language": row["language"],
        "source": row["source"],
        "environment": row["environment"],
        "environment_id": row["environment_id"],
        "metadata": row["metadata"],
        "started_at": iso(row["started_at"]),
        "ended_at": iso(row["ended_at"]),
        "is_marked": row["is_marked"],
        "is_used": row["is_used"],
        "is_deleted": row["deleted_at"] is not None,
        "deleted_at": iso(row["deleted_at"]),
        "geo_location": row["geo_location"],
    }


def action_log(row: Row) -> dict[str, Any]:
    """Return one run of an action."""
    return {
        "id": row["id"],
        "action": row["action"],
        "message": row["message"],
        "started_at": iso(row["started_at"]),
        "ended_at": iso(row["ended_at"]),
        "duration_ms": row["duration_ms"],
        "tools_used": row["tools_used"],
        "response": row["response"],
        "error_message": row["error_message"],
        "metadata": row["metadata"],
    }


def button(row: Row) -> dict[str, Any]:
    """Return one click."""
    return {
        "id": row["id"],
        "button_event": row["button_event"],
        "label": row["label"],
        "value": row["value"],
        "metadata": row["metadata"],
    }


def feedback(row: Row, conversation_id: str | None = None) -> dict[str, Any]:
    """Return one vote, with the keys of both generations."""
    shape = {
        "id": row["id"],
        "kind": row["kind"],
        "agent": row["agent_id"],
        "conversation": row["conversation"],
        "user": None,
        "environment": row["environment"],
        "environment_id": row["environment_id"],
        "sentiment": row["sentiment"],
        "category": row["category"],
        "comment": row["comment"],
        "source": row["source"],
        "metadata": row["metadata"],
        "created_at": iso(row["created_at"]),
    }
    if conversation_id is not None or row["conversation"] is None:
        shape["conversation_id"] = conversation_id
    if row["kind"] == "message":
        shape |= {"message": row["message"], "topic": row["topic"], "reason": row["reason"]}
    return shape


def money(usd_e8: int | None) -> str | None:
    """Return US dollars as a decimal string with 8 places; None stays None: unpriced is not free."""
    return None if usd_e8 is None else f"{usd_e8 // _E8}.{usd_e8 % _E8:08d}"


def usage_total(rows: Iterable[Row]) -> dict[str, Any] | None:
    """Return a conversation's token counts: totals, cost, and one entry per model and cost source."""
    rows = list(rows)
    if not rows:
        return None
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["model"], row["cost_source"]), []).append(row)
    models = [
        {
            "model": model,
            "cost_source": source,
            **_sums(members),
            "cost_usd": money(_cost(members)),
            "calls": sum(row["calls"] for row in members),
        }
        for (model, source), members in groups.items()
    ]
    return {
        "totals": _sums(rows),
        "cost_usd": money(_cost(rows)),
        "cost_sources": sorted({source for _, source in groups}),
        "models": models,
    }


def _sums(rows: Iterable[Row]) -> dict[str, int]:
    sums = {name: sum(row[name] for row in rows) for name in TOKEN_COLUMNS}
    return {name: value for name, value in sums.items() if value or name == "total_tokens"}


def _cost(rows: Iterable[Row]) -> int | None:
    known = [row["cost_usd_e8"] for row in rows if row["cost_usd_e8"] is not None]
    return sum(known) if known else None


def ticket(row: Row, thread: Iterable[Row]) -> dict[str, Any]:
    """Return a ticket with its comments, but without the conversation and feedback it is about."""
    comments = [comment(item) for item in thread]
    return {
        "id": row["id"],
        "agent": row["agent_id"],
        "title": row["title"],
        "status": row["status"],
        "priority": row["priority"],
        "tags": row["tags"],
        "environment": row["environment"],
        "environment_id": row["environment_id"],
        "comments": comments,
        "comments_count": len(comments),
        "created_at": iso(row["created_at"]),
        "updated_at": iso(row["updated_at"]),
    }


def comment(row: Row) -> dict[str, Any]:
    """Return one comment of a ticket."""
    shape = {name: row[name] for name in ("id", "author", "role", "body")}
    return shape | {"created_at": iso(row["created_at"])}

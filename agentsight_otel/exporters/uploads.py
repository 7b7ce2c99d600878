"""Attachment bytes: after their block, to the right message, each until it is done."""

from __future__ import annotations

import base64
from collections import OrderedDict
from datetime import datetime
from typing import Any

from agentsight_otel.encoding import encode_json
from agentsight_otel.exporters.entries import Entry
from agentsight_otel.guard import guarded
from agentsight_otel.retry import Backoff, RetryPolicy
from agentsight_otel.translation.block import Upload
from agentsight_otel.translation.wire import iso
from agentsight_otel.transport import BROKEN, Outcome, Transport, Verdict

ATTACHMENTS = "/api/attachments/"
MAX_UNKNOWN = 8
"""Attempts to find a conversation that the backend does not know, before the upload is dead."""

_CACHED = 256


class Pending:
    """An upload that is not done."""

    __slots__ = ("backoff", "entry", "unknown", "upload")

    def __init__(self, entry: Entry, upload: Upload, policy: RetryPolicy) -> None:
        self.entry = entry
        self.upload = upload
        self.backoff = Backoff(policy)
        self.unknown = 0


class Uploader:
    """Sends uploads one at a time."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._keys: OrderedDict[str, str] = OrderedDict()

    def send(self, pending: Pending) -> Outcome:
        """Send one upload; a conversation that is not there yet is a retry, and later a refusal."""
        outcome = self._send(pending)
        if outcome.cause == BROKEN.cause:
            pending.unknown += 1
            if pending.unknown >= MAX_UNKNOWN:
                return Outcome(Verdict.REFUSED, outcome.reason)
        return outcome

    @guarded(BROKEN)
    def _send(self, pending: Pending) -> Outcome:
        upload = pending.upload
        found = self._conversation(upload.conversation_id)
        if isinstance(found, Outcome):
            return self._unknown(pending, found)
        message = self._message(found, pending) if upload.on_message else None
        if isinstance(message, Outcome):
            return self._unknown(pending, message)
        body = encode_json(_document(upload, found, message))
        outcome = self._transport.post(ATTACHMENTS, body, idempotency_key=upload.key)
        if outcome.status == 404:
            return self._unknown(pending, outcome)
        if outcome.verdict is Verdict.SPLIT:
            return Outcome(Verdict.REFUSED, "HTTP 413: the file is over a limit of the server", 413)
        return outcome

    def _conversation(self, conversation_id: str) -> str | Outcome:
        known = self._keys.get(conversation_id)
        if known is not None:
            self._keys.move_to_end(conversation_id)
            return known
        outcome = self._transport.attempt(
            "GET", "/api/conversations/lookup/", params={"conversation_id": conversation_id}
        )
        if outcome.verdict is not Verdict.OK:
            return outcome
        key = outcome.body.get("id") if isinstance(outcome.body, dict) else None
        if key is None:
            return Outcome(Verdict.RETRY, "the lookup's answer has no id", outcome.status)
        self._keys[conversation_id] = str(key)
        if len(self._keys) > _CACHED:
            self._keys.popitem(last=False)
        return str(key)

    def _message(self, key: str, pending: Pending) -> str | Outcome | None:
        upload = pending.upload
        outcome = self._transport.attempt("GET", f"/api/conversations/{key}/")
        if outcome.verdict is not Verdict.OK:
            return outcome  # without an answer nobody knows where the attachment belongs
        messages = outcome.body.get("messages") if isinstance(outcome.body, dict) else None
        if not isinstance(messages, list) and pending.unknown < MAX_UNKNOWN:
            pending.unknown += 1
            return Outcome(Verdict.RETRY, "the conversation's answer breaks off", outcome.status)
        wanted = datetime.fromisoformat(iso(upload.time_ns))
        for message in messages if isinstance(messages, list) else ():
            if _matches(message, upload.sender, wanted):
                return str(message["id"])
        return None

    def _unknown(self, pending: Pending, outcome: Outcome) -> Outcome:
        if outcome.status != 404:
            return outcome
        self._keys.pop(pending.upload.conversation_id, None)
        pending.unknown += 1
        if pending.unknown < MAX_UNKNOWN:
            return Outcome(Verdict.RETRY, "the conversation is not there yet", 404)
        return Outcome(Verdict.REFUSED, "the conversation does not exist", 404)


def _document(upload: Upload, conversation: str, message: str | None) -> dict[str, Any]:
    document: dict[str, Any] = {
        "timestamp": iso(upload.time_ns),
        "conversation": conversation,
        "mode": "base64",
        "sender": upload.sender,
        "metadata": upload.metadata,
        "attachments": [
            {
                "filename": upload.filename,
                "mime_type": upload.mime_type,
                "data": base64.b64encode(upload.data).decode(),
            }
        ],
    }
    return document if message is None else {**document, "message": message}


def _matches(message: Any, sender: str, wanted: datetime) -> bool:
    if not isinstance(message, dict) or message.get("sender") != sender or message.get("action_name"):
        return False
    try:
        return datetime.fromisoformat(str(message.get("timestamp"))) == wanted
    except (ValueError, TypeError):
        return False

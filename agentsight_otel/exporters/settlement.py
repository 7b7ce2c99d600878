"""What an outcome means for the records of a request."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from agentsight_otel import semconv
from agentsight_otel.encoding import decode_json, encode_json_str
from agentsight_otel.exporters.batching import Batch, Origin, Part
from agentsight_otel.exporters.contents import payload
from agentsight_otel.exporters.entries import Entry
from agentsight_otel.exporters.graveyard import MAX_REASON, DeadLetter, Graveyard
from agentsight_otel.exporters.ledger import Ledger
from agentsight_otel.exporters.tickets import Ticket
from agentsight_otel.translation.block import Upload
from agentsight_otel.translation.span_data import SpanKey
from agentsight_otel.transport import Outcome, Verdict

HOPELESS = 32
"""Refusals in a row, without one success, after which a conversation is refused as it is, not searched."""

_STEP = 64
_BLOCK_FIELDS = ("conversation_id", *semconv.CONVERSATION_FIELDS, "spans")


class Settlement:
    """Settles records, and buries what was refused.

    Args:
        ledger: Of the records.
        graveyard: Of the dead ones.
        add_uploads: Takes the attachments that came with a block.
    """

    def __init__(
        self, ledger: Ledger, graveyard: Graveyard, add_uploads: Callable[[list[Upload]], None]
    ) -> None:
        self._ledger = ledger
        self._graveyard = graveyard
        self._add_uploads = add_uploads
        self._refusals = 0

    def taken(self, batch: Batch, outcome: Outcome) -> None:
        """Settle a batch the backend took, but for the conversations its answer rejects."""
        self._refusals = 0
        rejected = named_errors(outcome.body, batch)
        for index, reason in rejected.items():
            batch.parts[index].condemn(reason)
        self._close(batch.parts, outcome)

    def refused(self, batch: Batch, outcome: Outcome) -> list[Batch]:
        """Bury what the answer names and return what to send again; halve what nobody names."""
        self._refusals += 1
        searching = self._refusals <= HOPELESS
        named = named_errors(outcome.body, batch)
        if not named:
            if len(batch.parts) > 1 or (batch.divisible and searching):
                return batch.halves()
            named = {0: _reason(outcome)}
        again: list[Batch] = []
        dead: list[Part] = []
        for index, reason in named.items():
            part = batch.parts[index]
            if searching and len(part.spans) > 1 and is_about_spans(outcome.body, index):
                again += [Batch([half]) for half in part.halves()]
            else:
                part.condemn(reason)
                dead.append(part)
        self._close(dead, outcome)
        rest = [part for index, part in enumerate(batch.parts) if index not in named]
        return ([Batch(rest)] if rest else []) + again

    def too_large(self, batch: Batch, outcome: Outcome) -> None:
        """Bury a single span that is over the server's limit."""
        for part in batch.parts:
            part.condemn(f"HTTP 413: one span of {part.size} bytes is over the server's limit")
        self._close(batch.parts, outcome)

    def failed(self, batch: Batch, outcome: Outcome) -> None:
        """Tell the tickets of a batch why it still waits."""
        parked = outcome.verdict is Verdict.PARK
        tickets = _tickets(self.entries(batch.parts))
        for ticket in tickets | self._ledger.tickets() if parked else tickets:
            ticket.note(outcome.reason, outcome.status, parked=parked)

    def bury(
        self, entries: Iterable[Entry], reason: str, status: int | None, conversation_id: str = ""
    ) -> None:
        """Make dead letters of records."""
        dead = list(entries)
        self._graveyard.add(
            [
                DeadLetter(
                    e.key,
                    e.kind,
                    reason[:MAX_REASON],
                    status,
                    conversation_id,
                    payload(self._ledger.journal, e),
                )
                for e in dead
            ]
        )
        for ticket in _tickets(dead):
            ticket.note(None, status)
        self._ledger.bury(dead, reason if status is None else _told(reason, status))

    def _close(self, parts: Iterable[Part], outcome: Outcome) -> None:
        done: list[SpanKey] = []
        for part in parts:
            for origin in part.origins:
                origin.open -= 1
                if origin.open == 0:
                    done += self._finish(origin, part.conversation_id, outcome)
        for start in range(0, len(done), _STEP):
            delivered = self._ledger.entries(done[start : start + _STEP])
            for ticket in _tickets(delivered):
                ticket.note(None, outcome.status)
            self._ledger.deliver(delivered)
            time.sleep(0)  # other threads want the ledger's lock

    def _finish(self, origin: Origin, conversation_id: str, outcome: Outcome) -> list[SpanKey]:
        if origin.uploads and len(origin.dead) < len(origin.sources):
            self._add_uploads(origin.uploads)
        if not origin.dead:
            return origin.sources
        dead = self._ledger.entries(origin.dead)
        self.bury(dead, origin.reason or outcome.reason, outcome.status, conversation_id)
        return [key for key in origin.sources if key not in origin.dead]

    def entries(self, parts: Iterable[Part]) -> list[Entry]:
        """Return the records that parts of requests are made of."""
        origins = {id(origin): origin for part in parts for origin in part.origins}
        return self._ledger.entries(key for origin in origins.values() for key in origin.sources)


def named_errors(body: Any, batch: Batch) -> dict[int, str]:
    """Return which conversations of a request an answer rejects, by index, with the server's reason."""
    rows = body.get("conversations") if isinstance(body, dict) else None
    found: dict[int, str] = {}
    for row in rows if isinstance(rows, list) else ():
        index = row.get("index") if isinstance(row, dict) else None
        if isinstance(index, int) and 0 <= index < len(batch.parts) and row.get("errors"):
            found[index] = encode_json_str(row["errors"])[:MAX_REASON]
    return found


def is_about_spans(body: Any, index: int) -> bool:
    """Say whether an answer blames only the spans of a conversation, not the conversation."""
    rows = body.get("conversations") if isinstance(body, dict) else None
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict) and row.get("index") == index and isinstance(row.get("errors"), dict):
            return set(row["errors"]) == {"spans"}
    return False


def _reason(outcome: Outcome) -> str:
    return outcome.reason if outcome.body is None else encode_json_str(outcome.body)[:MAX_REASON]


def _told(reason: str, status: int) -> str:
    """Return what callers hear: the fields that are refused, but not the server's words, which may quote."""
    if reason.startswith("HTTP "):
        return reason  # our own words
    try:
        errors = decode_json(reason)
    except ValueError:
        errors = None
    fields = [name for name in _BLOCK_FIELDS if isinstance(errors, dict) and name in errors]
    return f"HTTP {status}" + (f": the backend refuses {', '.join(fields)}" if fields else "")


def _tickets(entries: Iterable[Entry]) -> set[Ticket]:
    return {entry.ticket for entry in entries if entry.ticket is not None}

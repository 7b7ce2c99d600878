"""Sending a timeline: submit, wait, report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from agentsight_otel.exceptions import (
    ConversationApiException,
    ConversationNetworkException,
    ConversationTrackingException,
    ForbiddenException,
    NoDataToSendException,
    NotFoundException,
    RateLimitedException,
    UnauthorizedException,
)
from agentsight_otel.tracking.outbox import Outbox
from agentsight_otel.tracking.report import send_report
from agentsight_otel.tracking.sink import Ticket
from agentsight_otel.tracking.timeline import Batch, Timeline

_KEY_REFUSED = frozenset({401, 403})
_BY_STATUS: dict[int, type[UnauthorizedException | ForbiddenException | NotFoundException]] = {
    401: UnauthorizedException,
    403: ForbiddenException,
    404: NotFoundException,
}


class Submitted(NamedTuple):
    """What one send waits for."""

    earlier: list[Batch]
    fresh: list[Batch]

    def batches(self) -> list[Batch]:
        """Return all, oldest first."""
        return self.earlier + self.fresh


def send(outbox: Outbox, timeline: Timeline, conversation_id: str, timeout: float) -> dict[str, Any]:
    """Submit what is unsent, wait at most *timeout* seconds, and report."""
    submitted = submit(outbox, timeline, conversation_id)
    try:
        wait(submitted, timeout)
    finally:
        keep_waiting_ones(timeline, submitted)
    return send_report(conversation_id, submitted.batches())


def confirm(batch: Batch, timeout: float) -> None:
    """Wait at most *timeout* seconds for *batch*.

    Raises:
        ConversationApiException: The backend refused it.
        ConversationNetworkException: The backend did not answer.
    """
    wait(Submitted([], [batch]), timeout)
    if batch.ticket is not None and batch.ticket.state != "delivered":
        raise refusal(batch.ticket)


def wait(submitted: Submitted, timeout: float) -> None:
    """Wait until all is delivered or dead, or waiting makes no sense, at most *timeout* seconds."""
    deadline = time.monotonic() + timeout
    told = False
    for ticket in tickets(submitted.earlier):
        # What an earlier ticket says at first is about an earlier attempt. Once one has come back without
        # delivery it is about now, and the attempt that told one told all.
        if not (told and is_refused(ticket)):
            told |= not ticket.wait(max(0.0, deadline - time.monotonic()))
    for ticket in tickets(submitted.fresh):
        if not is_refused(ticket):
            ticket.wait(max(0.0, deadline - time.monotonic()))


def refusal(ticket: Ticket) -> ConversationTrackingException:
    """Return the exception that says why *ticket* is not delivered."""
    status, reason = ticket.status_code, ticket.error
    if status is None:
        return ConversationNetworkException(reason or "The backend did not answer in time; it stays queued")
    if status in _BY_STATUS:
        return _BY_STATUS[status](reason)
    if status == 429:
        return RateLimitedException(reason)
    return ConversationApiException(reason or f"The backend answered {status}", status)


def submit(outbox: Outbox, timeline: Timeline, conversation_id: str) -> Submitted:
    """Submit what is unsent, and take what earlier sends still wait for along."""
    if outbox.must_connect:
        outbox.sink()
    with timeline.sending:
        batch = outbox.submit(timeline, conversation_id)
        earlier, timeline.outstanding = timeline.outstanding, []
    if batch is None and not earlier:
        timeline.settle()
        raise NoDataToSendException
    if earlier:
        outbox.kick()
    return Submitted(earlier, [] if batch is None else [batch])


def keep_waiting_ones(timeline: Timeline, submitted: Submitted) -> None:
    """Leave what still waits for the next send to report."""
    timeline.outstanding[:0] = [
        batch for batch in submitted.batches() if batch.ticket is not None and batch.ticket.state == "waiting"
    ]
    timeline.settle()


def tickets(batches: Sequence[Batch]) -> list[Ticket]:
    """Return the tickets of batches that were delivered or are to be."""
    return [batch.ticket for batch in batches if batch.ticket is not None]


def is_refused(ticket: Ticket) -> bool:
    """Whether the backend refuses the key."""
    # A refused key does not heal while a caller waits; the records stay and are tried again later.
    return ticket.attempted and ticket.status_code in _KEY_REFUSED

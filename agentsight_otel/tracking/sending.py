"""Sending a timeline: submit, wait, report. Once for threads and once for event loops."""

from __future__ import annotations

import asyncio
import contextlib
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

_SLICE = 0.1
"""Seconds between two looks at whether waiting still makes sense."""

_GRACE = 1.0
"""Seconds an earlier ticket gets for a new attempt."""

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
    submitted = _submit(outbox, timeline, conversation_id)
    try:
        wait(submitted, timeout)
    finally:
        _keep_waiting_ones(timeline, submitted)
    return send_report(conversation_id, submitted.batches())


async def send_async(
    outbox: Outbox, timeline: Timeline, conversation_id: str, seconds: float
) -> dict[str, Any]:
    """Like `send`, without blocking the event loop."""
    submitted = await asyncio.to_thread(_submit, outbox, timeline, conversation_id)
    try:
        await wait_async(submitted, seconds)
    finally:
        _keep_waiting_ones(timeline, submitted)
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
    for ticket in _tickets(submitted.earlier):
        ticket.wait(max(0.0, deadline - time.monotonic()))
    for ticket in _tickets(submitted.fresh):
        if not _refused(ticket):
            ticket.wait(max(0.0, deadline - time.monotonic()))


async def wait_async(submitted: Submitted, seconds: float) -> None:
    """Like `wait`, in an event loop."""
    started = time.monotonic()
    fresh = _tickets(submitted.fresh)
    pending = {_future(ticket): ticket for ticket in _tickets(submitted.earlier) + fresh}
    while pending and (left := started + seconds - time.monotonic()) > 0:
        await asyncio.wait(pending, timeout=min(_SLICE, left))
        # What an earlier ticket says at first is about an earlier attempt.
        judged = None if time.monotonic() - started > _GRACE else fresh
        pending = {
            future: ticket
            for future, ticket in pending.items()
            if not future.done() and not ((judged is None or ticket in judged) and _refused(ticket))
        }


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


def _submit(outbox: Outbox, timeline: Timeline, conversation_id: str) -> Submitted:
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


def _keep_waiting_ones(timeline: Timeline, submitted: Submitted) -> None:
    timeline.outstanding[:0] = [
        batch for batch in submitted.batches() if batch.ticket is not None and batch.ticket.state == "waiting"
    ]
    timeline.settle()


def _tickets(batches: Sequence[Batch]) -> list[Ticket]:
    return [batch.ticket for batch in batches if batch.ticket is not None]


def _refused(ticket: Ticket) -> bool:
    # A refused key does not heal while a caller waits; the records stay and are tried again later.
    return ticket.attempted and ticket.status_code in _KEY_REFUSED


def _future(ticket: Ticket) -> asyncio.Future[None]:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()

    def resolve() -> None:
        if not future.done():
            future.set_result(None)

    def resolved(*_: object) -> None:
        # The loop may be gone by the time a queued ticket is delivered.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(resolve)

    ticket.add_done_callback(resolved)
    return future

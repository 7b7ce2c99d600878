"""Sending a timeline from an event loop. A module of its own: asyncio is slow to import."""

from __future__ import annotations

import asyncio
import contextlib
import time
from concurrent.futures import Future
from typing import Any

from agentsight_otel.tracking.outbox import Outbox
from agentsight_otel.tracking.report import send_report
from agentsight_otel.tracking.sending import Submitted, is_refused, keep_waiting_ones, submit, tickets
from agentsight_otel.tracking.sink import Ticket
from agentsight_otel.tracking.timeline import Timeline

_SLICE = 0.1
"""Seconds between two looks at whether waiting still makes sense."""

_GRACE = 1.0
"""Seconds an earlier ticket gets for a new attempt."""


async def send_async(
    outbox: Outbox, timeline: Timeline, conversation_id: str, seconds: float
) -> dict[str, Any]:
    """Like `send`, without blocking the event loop."""
    submitting: Future[Submitted] = Future()
    try:
        submitted = await asyncio.to_thread(_submit, submitting, outbox, timeline, conversation_id)
    except asyncio.CancelledError:
        # The thread goes on: what it submits is for the next send to report.
        submitting.add_done_callback(lambda done: keep_waiting_ones(timeline, done.result()))
        raise
    try:
        await wait_async(submitted, seconds)
    finally:
        keep_waiting_ones(timeline, submitted)
    return send_report(conversation_id, submitted.batches())


async def wait_async(submitted: Submitted, seconds: float) -> None:
    """Like `wait`, in an event loop."""
    started = time.monotonic()
    fresh = tickets(submitted.fresh)
    pending = {_future(ticket): ticket for ticket in tickets(submitted.earlier) + fresh}
    while pending and (left := started + seconds - time.monotonic()) > 0:
        await asyncio.wait(pending, timeout=min(_SLICE, left))
        # What an earlier ticket says at first is about an earlier attempt.
        judged = None if time.monotonic() - started > _GRACE else fresh
        pending = {
            future: ticket
            for future, ticket in pending.items()
            if not future.done() and not ((judged is None or ticket in judged) and _in_vain(ticket))
        }


def _in_vain(ticket: Ticket) -> bool:
    return ticket.parked or is_refused(ticket)


def _submit(
    submitting: Future[Submitted], outbox: Outbox, timeline: Timeline, conversation_id: str
) -> Submitted:
    submitted = submit(outbox, timeline, conversation_id)
    submitting.set_result(submitted)
    return submitted


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

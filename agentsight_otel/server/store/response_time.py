"""How long users waited for an answer, kept on the answering message."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, select, update

from agentsight_otel.enums import Sender
from agentsight_otel.server.store.places import Place
from agentsight_otel.server.store.tables import messages

LONGEST_US = 24 * 3600 * 1_000_000
"""A later answer is a new day's message, not a response."""

_SET = update(messages).where(messages.c.id == bindparam("row")).values(response_ms=bindparam("value"))


def response_times(
    said: Iterable[tuple[int, str]], waiting_since: int | None
) -> tuple[list[float | None], int | None]:
    """Return the response time of each message, None where it answers nobody, and who waits in the end.

    Args:
        said: Time and sender of each message, in order.
        waiting_since: When the user spoke who was waiting before, or None.

    Returns:
        Milliseconds for each message; and the time of the user's message that is still unanswered, or None.
    """
    times: list[float | None] = []
    for timestamp, sender in said:
        answer: float | None = None
        if sender == Sender.USER:
            waiting_since = timestamp
        elif sender == Sender.AGENT and waiting_since is not None:
            waited = timestamp - waiting_since
            answer = waited / 1000 if waited <= LONGEST_US else None
            waiting_since = None
        times.append(answer)
    return times, waiting_since


def recompute(connection: Connection, place: Place, since: int) -> None:
    """Set the response times again from the last user message before *since* on."""
    m = messages.c
    said = (m.conversation == place.conversation) & (m.kind == "message")
    earlier = select(m.timestamp).where(said, m.sender == Sender.USER, m.timestamp < since)
    start = connection.scalar(earlier.order_by(m.timestamp.desc()).limit(1))
    query = select(m.id, m.timestamp, m.sender, m.response_ms).where(
        said, m.timestamp >= (since if start is None else start)
    )
    rows = connection.execute(query.order_by(m.timestamp, m.id)).all()
    times, place.waiting_since = response_times(((row.timestamp, row.sender) for row in rows), None)
    changed = [
        {"row": row.id, "value": value}
        for row, value in zip(rows, times, strict=True)
        if row.response_ms != value
    ]
    if changed:
        connection.execute(_SET, changed)

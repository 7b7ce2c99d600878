"""How long users waited for an answer, kept on the answering message. Pure, but for `recompute`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, bindparam, select, update

from agentsight_otel.enums import Sender
from agentsight_otel.server.store.tables import messages

LONGEST_US = 24 * 3600 * 1_000_000
"""A later answer is a new day's message, not a response."""


def response_times(
    said: Iterable[tuple[int, str]], waiting_since: int | None = None
) -> Iterator[float | None]:
    """Yield the response time of each message in milliseconds, None where it answers nobody.

    Args:
        said: Time and sender of each message, in order.
        waiting_since: When the user who is still waiting for an answer spoke, or None.
    """
    for timestamp, sender in said:
        answer: float | None = None
        if sender == Sender.USER:
            waiting_since = timestamp
        elif sender == Sender.AGENT and waiting_since is not None:
            waited = timestamp - waiting_since
            answer = waited / 1000 if waited <= LONGEST_US else None
            waiting_since = None
        yield answer


def waiting_since(connection: Connection, conversation: int) -> int | None:
    """Return when the user spoke who has not been answered yet, or None."""
    m = messages.c
    query = select(m.timestamp, m.sender).where(
        m.conversation == conversation, m.kind == "message", m.sender.in_((Sender.USER, Sender.AGENT))
    )
    last = connection.execute(query.order_by(m.timestamp.desc(), m.id.desc()).limit(1)).first()
    return last.timestamp if last is not None and last.sender == Sender.USER else None


def recompute(connection: Connection, conversation: int, since: int) -> None:
    """Set the response times again from the last user message before *since* on."""
    m = messages.c
    said = (m.conversation == conversation) & (m.kind == "message")
    earlier = select(m.timestamp).where(said, m.sender == Sender.USER, m.timestamp < since)
    start = connection.scalar(earlier.order_by(m.timestamp.desc()).limit(1))
    query = select(m.id, m.timestamp, m.sender, m.response_ms).where(
        said, m.timestamp >= (since if start is None else start)
    )
    rows = connection.execute(query.order_by(m.timestamp, m.id)).all()
    times = response_times((row.timestamp, row.sender) for row in rows)
    changed = [
        {"row": row.id, "value": value}
        for row, value in zip(rows, times, strict=True)
        if row.response_ms != value
    ]
    if changed:
        statement = update(messages).where(m.id == bindparam("row")).values(response_ms=bindparam("value"))
        connection.execute(statement, changed)

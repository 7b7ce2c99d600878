"""Writing the blocks of an ingest request: one transaction per conversation, nothing twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, insert, select, update

from agentsight_otel.server.clock import now_us
from agentsight_otel.server.ingest.payload import CheckedBlock
from agentsight_otel.server.rows import Projected, Vote
from agentsight_otel.server.store.conversations import Place, fill, lock_conversation, stretch
from agentsight_otel.server.store.dialect import insert_new
from agentsight_otel.server.store.engine import Store
from agentsight_otel.server.store.tables import feedbacks, spans, token_usage
from agentsight_otel.server.store.transcript import CHUNK, add_entries, remove_turns
from agentsight_otel.server.store.usage import add_usage


class Counts(NamedTuple):
    """Spans that were new, and spans that were there already."""

    accepted: int
    duplicate: int


def write_blocks(
    store: Store,
    agent_id: int,
    environments: dict[str, int],
    blocks: Sequence[tuple[CheckedBlock, list[Projected]]],
) -> Counts:
    """Write checked blocks.

    SQLite takes them all in one transaction. PostgreSQL takes one transaction for each, because a transaction
    that locks several conversations could wait for one that waits for it.
    """
    counts = []
    for group in [blocks] if store.dialect == "sqlite" else [[block] for block in blocks]:
        with store.write() as connection:
            counts += [
                _write_block(connection, agent_id, environments, block, projected)
                for block, projected in group
            ]
    return Counts(sum(count.accepted for count in counts), sum(count.duplicate for count in counts))


def _write_block(
    connection: Connection,
    agent_id: int,
    environments: dict[str, int],
    block: CheckedBlock,
    projected: list[Projected],
) -> Counts:
    times = [item.span.started_at for item in projected]
    place = lock_conversation(
        connection,
        agent_id,
        block.conversation_id,
        environment_id=environments[block.environment or "production"],
        started_at=min(times, default=now_us()),
        values=block.fields,
    )
    fields: dict[str, Any] = dict(block.fields)
    if block.environment is not None:
        fields["environment_id"] = environments[block.environment]
    if any(item.span.kind != "conversation" for item in projected):
        fields["is_used"] = True
    fill(connection, place, fields)
    new = _new_spans(connection, place, projected)
    if new:
        _archive(connection, place, new)
        _project(connection, place, new)
        places = [entry.timestamp for item in new for entry in item.entries]
        starts = [item.span.started_at for item in new]
        ends = [item.span.ended_at for item in new]
        stretch(connection, place, min(starts + places), max(ends + places))
    return Counts(len(new), len(projected) - len(new))


def _new_spans(connection: Connection, place: Place, projected: list[Projected]) -> list[Projected]:
    by_id = {item.span.span_id: item for item in reversed(projected)}
    ids = [] if place.fresh else list(by_id)
    for start in range(0, len(ids), CHUNK):
        known = spans.c.span_id.in_(ids[start : start + CHUNK])
        query = select(spans.c.span_id).where(spans.c.conversation == place.conversation, known)
        for span_id in connection.scalars(query):
            del by_id[span_id]
    return list(reversed(by_id.values()))


def _archive(connection: Connection, place: Place, new: list[Projected]) -> None:
    shared = {"agent_id": place.agent_id, "conversation": place.conversation, "received_at": now_us()}
    connection.execute(insert(spans), [shared | msgspec.structs.asdict(item.span) for item in new])


def _project(connection: Connection, place: Place, new: list[Projected]) -> None:
    broken = _incomplete_turns(connection, place, new)
    just_broken = [item.span.span_id for item in new if item.span.turn_complete is False]
    if just_broken and not place.fresh:
        remove_turns(connection, place, just_broken)
    entries = [entry for item in new if item.span.turn_id not in broken for entry in item.entries]
    add_entries(connection, place, entries)
    add_usage(connection, place, [item.usage for item in new if item.usage])
    _mark_incomplete(connection, place, broken)
    _add_votes(connection, place, [item.vote for item in new if item.vote])


def _incomplete_turns(
    connection: Connection, place: Place, new: list[Projected]
) -> dict[str | None, str | None]:
    """Return the incomplete turns these spans are, or belong to: turn id → reason."""
    broken = {
        item.span.turn_id: item.span.incomplete_reason for item in new if item.span.turn_complete is False
    }
    parents = list({item.span.turn_id for item in new if item.span.turn_id})
    for start in range(0, 0 if place.fresh else len(parents), CHUNK):
        query = select(spans.c.span_id, spans.c.incomplete_reason).where(
            spans.c.conversation == place.conversation,
            spans.c.span_id.in_(parents[start : start + CHUNK]),
            spans.c.turn_complete.is_(False),
        )
        broken |= dict(connection.execute(query).all())
    return broken


def _mark_incomplete(connection: Connection, place: Place, broken: dict[str | None, str | None]) -> None:
    for turn_id, reason in broken.items():
        mine = (token_usage.c.conversation == place.conversation) & (token_usage.c.turn_id == turn_id)
        connection.execute(update(token_usage).where(mine).values(incomplete=True, incomplete_reason=reason))


def _add_votes(connection: Connection, place: Place, votes: list[Vote]) -> None:
    now = now_us()
    rows = [
        {
            "agent_id": place.agent_id,
            "kind": "conversation",
            "conversation": place.conversation,
            "environment_id": place.environment_id,
            "event_key": vote.event_key,
            "sentiment": vote.sentiment,
            "comment": vote.comment,
            "source": "customer",
            "metadata": vote.metadata,
            "created_at": vote.created_at,
            "updated_at": now,
        }
        for vote in votes
    ]
    if rows:
        connection.execute(insert_new(connection, feedbacks), rows)

"""Writing the blocks of an ingest request in one transaction, nothing twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import Connection, select, update

from agentsight_otel.semconv import KIND_CONVERSATION
from agentsight_otel.server.clock import now_us
from agentsight_otel.server.ingest.payload import CheckedBlock
from agentsight_otel.server.rows import Projected
from agentsight_otel.server.store.dialect import insert_new, insert_rows, pairs_there
from agentsight_otel.server.store.engine import Store
from agentsight_otel.server.store.keys import count_ingest
from agentsight_otel.server.store.places import Place, Wanted, lock_conversations, save
from agentsight_otel.server.store.tables import feedbacks, spans, token_usage
from agentsight_otel.server.store.transcript import add_entries, ensure_actions, remove_turns
from agentsight_otel.server.store.usage import add_usage

Block = tuple[CheckedBlock, list[Projected]]
_INCOMPLETE: Final = spans.c.turn_complete.is_(False)


class Counts(NamedTuple):
    """Spans that were new, and spans that were there already."""

    accepted: int
    duplicate: int


class _Change(msgspec.Struct):
    """What a request does to one conversation. Several blocks of one conversation are one change."""

    place: Place
    spans: dict[str, Projected] = {}
    broken: dict[str | None, str | None] = {}
    """Incomplete turns these spans are, or belong to: turn id → reason."""

    @property
    def new(self) -> list[Projected]:
        """The spans that are not there yet, in order of arrival."""
        return list(self.spans.values())


def write_blocks(
    store: Store,
    agent_id: int,
    environments: dict[str, int],
    blocks: Sequence[Block],
    *,
    key_id: int | None = None,
) -> Counts:
    """Write checked blocks, all of them or none.

    Args:
        store: The database.
        agent_id: Whose they are.
        environments: The agent's environments, slug → id.
        blocks: Each with what its spans become.
        key_id: The key they came with, on which they are counted.
    """
    arrived = now_us()  # before anything waits
    names = {entry.run.name for _, made in blocks for item in made for entry in item.entries if entry.run}
    if names and store.dialect == "postgresql":
        with store.write() as connection:  # first and alone: no lock is waited for while another is held
            ensure_actions(connection, agent_id, list(names))
    with store.write() as connection:
        changes = _changes(connection, agent_id, environments, blocks)
        _drop_known_spans(connection, changes)
        _archive(connection, changes)
        _find_broken_turns(connection, changes)
        _project(connection, changes)
        save(connection, [change.place for change in changes])
        total = sum(len(made) for _, made in blocks)
        accepted = sum(len(change.spans) for change in changes)
        counts = Counts(accepted, total - accepted)
        if key_id is not None:  # last: requests with the same key wait for this row until the commit
            newest = _newest(changes)
            age = None if newest is None else arrived - newest
            count_ingest(connection, key_id, **counts._asdict(), age_us=age)
    return counts


def _newest(changes: list[_Change]) -> int | None:
    """Return the latest time in what is new."""
    new = [item for change in changes for item in change.new]
    times = [item.span.ended_at for item in new]
    times += [entry.timestamp for item in new for entry in item.entries]
    return max(times, default=None)


def _changes(
    connection: Connection, agent_id: int, environments: dict[str, int], blocks: Sequence[Block]
) -> list[_Change]:
    wanted = [
        Wanted(
            block.conversation_id,
            environments[block.environment or "production"],
            min((item.span.started_at for item in made), default=now_us()),
        )
        for block, made in blocks
    ]
    changes: dict[int, _Change] = {}
    places = lock_conversations(connection, agent_id, wanted)
    for place, (block, made) in zip(places, blocks, strict=True):
        change = changes.setdefault(place.conversation, _Change(place))
        place.fields |= block.fields
        if block.environment is not None:
            place.fields["environment_id"] = environments[block.environment]
        place.is_used = place.is_used or any(item.span.kind != KIND_CONVERSATION for item in made)
        for item in made:
            change.spans.setdefault(item.span.span_id, item)
    return list(changes.values())


def _drop_known_spans(connection: Connection, changes: list[_Change]) -> None:
    by_key = {change.place.conversation: change for change in changes if not change.place.fresh}
    pairs = [(key, span_id) for key, change in by_key.items() for span_id in change.spans]
    for key, span_id in pairs_there(connection, spans.c.conversation, spans.c.span_id, pairs):
        del by_key[key].spans[span_id]


def _archive(connection: Connection, changes: list[_Change]) -> None:
    now = now_us()
    rows = []
    for change in changes:
        owner = {"agent_id": change.place.agent_id, "conversation": change.place.conversation}
        for item in change.new:
            change.place.stretch(item.span.started_at, item.span.ended_at)
            for entry in item.entries:
                change.place.stretch(entry.timestamp, entry.timestamp)
            rows.append(msgspec.structs.asdict(item.span) | owner | {"received_at": now})
    insert_rows(connection, spans, rows)


def _find_broken_turns(connection: Connection, changes: list[_Change]) -> None:
    elsewhere: dict[int, tuple[_Change, set[str]]] = {}
    for change in changes:
        new = change.new
        change.broken = {
            item.span.turn_id: item.span.incomplete_reason for item in new if item.span.turn_complete is False
        }
        if change.place.fresh:
            continue
        if change.broken:
            remove_turns(connection, change.place, [turn_id for turn_id in change.broken if turn_id])
        turns = {item.span.turn_id for item in new if item.span.turn_id} - set(change.spans)
        elsewhere[change.place.conversation] = change, turns
    s = spans.c
    pairs = [(key, turn_id) for key, (_, turns) in elsewhere.items() for turn_id in turns]
    broken = list(pairs_there(connection, s.conversation, s.span_id, pairs, _INCOMPLETE))
    for key, turn_id in broken:
        mine = (s.conversation == key) & (s.span_id == turn_id)
        elsewhere[key][0].broken[turn_id] = connection.scalar(select(s.incomplete_reason).where(mine))


def _project(connection: Connection, changes: list[_Change]) -> None:
    entries = [
        (
            change.place,
            [e for item in change.new if item.span.turn_id not in change.broken for e in item.entries],
        )
        for change in changes
    ]
    add_entries(connection, entries)
    add_usage(connection, [(change.place, [i.usage for i in change.new if i.usage]) for change in changes])
    for change in changes:
        for turn_id, reason in change.broken.items():
            u = token_usage.c
            mine = (u.conversation == change.place.conversation) & (u.turn_id == turn_id)
            values = {"incomplete": True, "incomplete_reason": reason}
            connection.execute(update(token_usage).where(mine).values(**values))
    _add_votes(connection, changes)


def _add_votes(connection: Connection, changes: list[_Change]) -> None:
    now = now_us()
    rows = [
        {
            "agent_id": change.place.agent_id,
            "kind": "conversation",
            "conversation": change.place.conversation,
            "environment_id": change.place.environment_id,
            "event_key": item.vote.event_key,
            "sentiment": item.vote.sentiment,
            "comment": item.vote.comment,
            "source": "customer",
            "metadata": item.vote.metadata,
            "created_at": item.vote.created_at,
            "updated_at": now,
        }
        for change in changes
        for item in change.new
        if item.vote
    ]
    if rows:
        connection.execute(insert_new(connection, feedbacks), rows)

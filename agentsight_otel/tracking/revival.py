"""Records of the journal become the conversations that dead processes left unsent."""

from __future__ import annotations

from collections.abc import Sequence

from agentsight_otel.tracking.items import Action, Item, Record
from agentsight_otel.tracking.timeline import Taken, Timeline, Timelines


def revived(records: Sequence[tuple[Record, object | None]]) -> list[tuple[str | None, Taken]]:
    """Return the conversations that *records* describe, each with its name if it had one.

    Args:
        records: Oldest first, each with its place in the journal; of an item written twice the last counts.
    """
    pieces: dict[str, Timeline] = {}
    versions: dict[str, dict[int, Item]] = {}
    registry = Timelines(0, lambda _: None)
    for record, ref in records:
        piece = pieces.setdefault(record.timeline, Timeline(registry, None))
        piece.conversation_id = record.conversation_id or piece.conversation_id
        piece.fields.update(record.fields)
        if ref is not None:
            piece.refs[0] = (*piece.refs.get(0, ()), ref)
        if record.item is not None:
            versions.setdefault(record.timeline, {})[record.item.seed] = _ended(record.item)
    conversations: dict[str, Timeline] = {}
    for uid, items in versions.items():
        piece = pieces[uid]
        piece.items = list(items.values())
        name = piece.conversation_id
        piece.move_to(conversations.setdefault(name or uid, Timeline(registry, name)))
    return [(timeline.conversation_id, timeline.take()) for timeline in conversations.values()]


def _ended(item: Item) -> Item:
    if isinstance(item, Action):
        # Its process died while it ran: what is known of it is all there will be.
        item.running = False
    return item

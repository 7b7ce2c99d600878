"""What the legacy write routes answer with."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, func, select

from agentsight_otel.server.rows import Entry
from agentsight_otel.server.store.listing import Listing
from agentsight_otel.server.store.places import Place
from agentsight_otel.server.store.tables import action_logs, buttons, messages, token_usage


def recorded(connection: Connection, place: Place, entry: Entry) -> dict[str, Any]:
    """Return the row an entry became, now or earlier; ``id`` is that of what was recorded."""
    m = messages.c
    mine = (m.conversation == place.conversation) & (m.event_key == entry.event_key)
    message = connection.execute(select(messages).where(m.agent_id == place.agent_id, mine)).mappings().one()
    body = {name: message[name] for name in ("id", "conversation", "sender", "content", "metadata")}
    if entry.run is not None:
        a = action_logs.c
        log = connection.execute(select(a.id, a.action).where(a.message == message["id"])).one()
        body |= {"id": log.id, "action": log.action, "action_name": entry.run.name, "message": message["id"]}
    if entry.click is not None:
        b = buttons.c
        click = connection.execute(select(buttons).where(b.message == message["id"])).mappings().one()
        body |= {name: click[name] for name in ("id", "button_event", "label", "value")}
        body["message"] = message["id"]
    return body


def find_usage(connection: Connection, place: Place, event_key: str) -> int | None:
    """Return the id of the token counts with a key."""
    u = token_usage.c
    mine = (u.agent_id == place.agent_id) & (u.conversation == place.conversation)
    found: int | None = connection.scalar(select(u.id).where(mine, u.event_key == event_key))
    return found


def clicks(agent_id: int, event: str | None) -> list[ColumnElement[bool]]:
    """Return the conditions for an agent's clicks; an event is that of one kind of button."""
    b = buttons.c
    return [b.agent_id == agent_id, *([b.button_event == event] if event else [])]


CLICKS: Final = Listing(buttons, buttons)


def button_stats(connection: Connection, agent_id: int, event: str | None) -> list[dict[str, Any]]:
    """Return how often each button was clicked, most clicked first."""
    b = buttons.c
    count = func.count().label("count")
    query = select(b.button_event, b.value, b.label, count).where(*clicks(agent_id, event))
    query = query.group_by(b.button_event, b.value, b.label)
    rows = connection.execute(query.order_by(count.desc(), b.button_event, b.value, b.label))
    return [dict(row) for row in rows.mappings()]

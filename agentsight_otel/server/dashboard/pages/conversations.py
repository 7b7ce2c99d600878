"""The list of conversations, what is new in it, and its export."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, func, select
from starlette.responses import Response, StreamingResponse

from agentsight_otel.server.dashboard import export, listing, marking, wanted
from agentsight_otel.server.dashboard.live import News, Source
from agentsight_otel.server.dashboard.render import page
from agentsight_otel.server.dashboard.tables import views
from agentsight_otel.server.dashboard.view import View
from agentsight_otel.server.store.tables import actions, conversations

COUNTED = 2_000
"""Matches are counted up to here; beyond, the page says so."""
COUNTED_FOUND = 300
"""The same for a search, where each match has to be read."""
SUGGESTED = 200


def show(view: View) -> Response:
    """Return a page of the list."""
    asked = wanted.read(view)
    order = _order(view)
    part = asked.filter.search or asked.filter.message_contains
    store = view.store
    with store.read() as connection:
        found = listing.read_page(
            connection,
            view.agent.id,
            asked.filter,
            store.dialect,
            order=order,
            after=view.params.get("after"),
        )
        ids = [row.id for row in found.rows]
        extra = listing.extras(connection, ids, part, store.dialect)
        counted = COUNTED_FOUND if part else COUNTED
        count = listing.count_up_to(connection, view.agent.id, asked.filter, store.dialect, counted + 1)
        newest = _newest(connection, view)
        saved = connection.execute(
            select(views)
            .where(views.c.agent_id == view.agent.id, views.c.page == "conversations")
            .order_by(views.c.id)
        ).all()
        names = connection.scalars(
            select(actions.c.name)
            .where(actions.c.agent_id == view.agent.id)
            .order_by(actions.c.name)
            .limit(SUGGESTED)
        ).all()
    hits = {key: (message, marking.snippet(text, part or "")) for key, (message, text) in extra.hit.items()}
    return page(
        view,
        "conversations.html",
        heading="Conversations",
        active="conversations",
        rows=found.rows,
        after=found.after,
        extra=extra,
        hits=hits,
        chips=asked.chips,
        count=count,
        counted=counted,
        order=order,
        orders=listing.orders(),
        saved=saved,
        action_names=names,
        filters=wanted,
        sentiments=wanted.CHOICES["feedback_sentiment"][1],
        live={"href": view.link("live", after=newest), "one": "conversation", "many": "conversations"},
    )


def follow(view: View) -> tuple[Source, int]:
    """Return how many conversations came after the one the page began with, whenever more do."""
    first = view.number("after") or 0
    c = conversations.c
    query = select(func.count(), func.max(c.id)).where(view.scope.living(), c.id > first)

    def news(seen: int) -> News | None:
        with view.store.read() as connection:
            count, newest = connection.execute(query).one()
        return News(newest, {"count": count}) if newest is not None and newest > seen else None

    return news, first


def download(view: View) -> Response:
    """Stream everything the filters match, as CSV or JSONL."""
    kind = view.request.path_params["kind"]
    asked = wanted.read(view)
    write = export.csv_lines if kind == "csv" else export.json_lines
    slug = f"conversations-{view.period.local(view.moment(view.now)):%Y-%m-%d}"

    def lines(connection: Connection) -> Iterator[bytes]:
        pages = listing.all_pages(
            connection, view.agent.id, asked.filter, view.store.dialect, order=_order(view)
        )
        return write(connection, view.agent.id, pages)

    media = "text/csv; charset=utf-8" if kind == "csv" else "application/x-ndjson"
    headers = {"Content-Disposition": f'attachment; filename="{slug}.{kind}"'}
    return StreamingResponse(view.store.stream(lines), media_type=media, headers=headers)


def _order(view: View) -> str:
    order = view.params.get("ordering", "")
    return order if order in listing.orders() else listing.DEFAULT_ORDER


def _newest(connection: Connection, view: View) -> int:
    query = select(func.max(conversations.c.id)).where(conversations.c.agent_id == view.agent.id)
    return connection.execute(query).scalar() or 0

"""One conversation: its page, what can be done to it, its files, and its copies as HTML and JSON."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

from markupsafe import escape
from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response

from agentsight_otel.encoding import encode_json
from agentsight_otel.server.clock import iso, now_us
from agentsight_otel.server.dashboard import export, listing, marking, wanted
from agentsight_otel.server.dashboard.access import DAY, digest, new_token
from agentsight_otel.server.dashboard.fields import number_of, safe_path, text_of
from agentsight_otel.server.dashboard.live import News, Source
from agentsight_otel.server.dashboard.render import ENVIRONMENT, page, static_file
from agentsight_otel.server.dashboard.tables import notes, shares
from agentsight_otel.server.dashboard.transcript import (
    Item,
    read_arrived,
    read_transcript,
    read_waterfall,
    total_cost,
)
from agentsight_otel.server.dashboard.view import View
from agentsight_otel.server.store import managing
from agentsight_otel.server.store.conversations import find
from agentsight_otel.server.store.details import conversation_feedbacks, transcripts
from agentsight_otel.server.store.tables import attachments, messages

MAX_NAME: Final = 255
MAX_NOTE: Final = 5000
TITLE: Final = 120
"""Characters of a user's message that name its turn in the waterfall."""
SHARE_DAYS: Final = (1, 7, 30, 90)


def show(view: View, shared_link: str = "", share_days: int = 0) -> Response:
    """Return the page: chat, or the waterfall with ``view=trace``."""
    asked = wanted.read(view)
    part = asked.filter.search or asked.filter.message_contains
    trace = view.params.get("view") == "trace"
    with view.store.read() as connection:
        row = _row(connection, view)
        agent, key = view.agent.id, row["id"]
        newer, older = listing.neighbours(connection, agent, asked.filter, view.store.dialect, row)
        transcript = read_transcript(
            connection, agent, key, view.zone, part=view.number("part") or 1, at=view.number("at")
        )
        trees = read_waterfall(connection, agent, key) if trace else []
        feedback = [
            f for f in conversation_feedbacks(connection, agent, [key])[key] if f["kind"] == "conversation"
        ]
        kept = _kept(connection, view, key)
    return page(
        view,
        "conversation.html",
        heading=row["name"] or row["conversation_id"],
        active="conversations",
        row=row,
        newer=newer,
        older=older,
        back={name: value for name, value in view.params.items() if name in (*wanted.NAMES, "ordering")},
        trace=trace,
        trees=trees,
        openings=_openings(transcript.items) if trace else {},
        transcript=transcript,
        cost=total_cost(transcript.usage),
        feedback=feedback,
        shared_link=shared_link,
        share_days=share_days,
        days=SHARE_DAYS,
        here=view.here,
        zone_moment=view.moment,
        files=_files(view),
        full=True,
        mark=lambda text: marking.linked(text, part or ""),
        live={
            "href": view.link(
                f"conversations/{key}/live",
                after=transcript.newest,
                end=None if trace or transcript.part < transcript.parts else 1,
            ),
            "one": "line",
            "many": "lines",
        },
        **kept,
    )


def _openings(items: list[Item]) -> dict[str | None, str]:
    """What the user said first in each turn: the turn's title."""
    said: dict[str | None, str] = {}
    for row in (item.row for item in items):
        if row["kind"] == "message" and row["sender"] == "end_user" and row["turn_id"]:
            said.setdefault(row["turn_id"], row["content"][:TITLE])
    return said


def follow(view: View) -> tuple[Source, int]:
    """Return what is said after the page was made: how many lines, and the lines when they go at its end."""
    first = view.number("after") or 0
    at_end = view.params.get("end") == "1"
    with view.store.read() as connection:
        key = _row(connection, view)["id"]
    m = messages.c
    count = select(func.count()).where(m.agent_id == view.agent.id, m.conversation == key, m.id > first)

    def news(seen: int) -> News | None:
        with view.store.read() as connection:
            arrived = read_arrived(connection, view.agent.id, key, view.zone, seen)
            if arrived is None:
                return None
            data: dict[str, Any] = {"count": connection.execute(count).scalar_one()}
        if at_end and arrived.items:
            data["html"] = _lines(view, arrived.items)
        return News(arrived.newest, data)

    return news, first


def _lines(view: View, items: list[Item]) -> str:
    return ENVIRONMENT.get_template("lines.html").render(
        items=items, zone_moment=view.moment, files=_files(view), full=True, mark=marking.linked
    )


def _files(view: View) -> Callable[[RowMapping], str]:
    return lambda file: f"{view.base}files/{file['id']}"


def act(view: View, form: FormData) -> Response:
    """Do what a form of the page asks for, and lead back."""
    asked = text_of(form, "do")
    if asked == "share":
        return _share(view, form)
    with view.store.write() as connection:
        row = _row(connection, view)
        changes = _changes(asked, form)
        if asked == "delete":
            managing.soft_delete(connection, view.agent.id, row["id"])
        elif changes is not None:
            managing.change(connection, view.agent.id, row["id"], changes)
        elif not _keep(connection, view, row["id"], asked, form):
            raise HTTPException(400, "Nothing of this name can be done.")
    return RedirectResponse(safe_path(text_of(form, "next")) or view.link(f"conversations/{row['id']}"), 303)


def _changes(asked: str, form: FormData) -> dict[str, Any] | None:
    match asked:
        case "mark":
            return {"is_marked": bool(form.get("on"))}
        case "rename":
            name = text_of(form, "name").strip()[:MAX_NAME]
            return {"name": name} if name else {}
        case "undelete":
            return {"deleted_at": None}
    return None


def _keep(connection: Connection, view: View, key: int, asked: str, form: FormData) -> bool:
    mine = {"agent_id": view.agent.id, "conversation": key}
    if asked == "note":
        body = text_of(form, "body").strip()[:MAX_NOTE]
        if body:
            connection.execute(insert(notes).values(body=body, created_at=now_us(), **mine))
        return True
    if asked == "unnote":
        n = notes.c
        connection.execute(
            delete(notes).where(
                n.agent_id == view.agent.id, n.conversation == key, n.id == number_of(form, "note")
            )
        )
        return True
    if asked == "unshare":
        s = shares.c
        which = (s.agent_id == view.agent.id) & (s.conversation == key) & (s.id == number_of(form, "share"))
        connection.execute(update(shares).where(which).values(revoked_at=now_us()))
        return True
    return False


def _share(view: View, form: FormData) -> Response:
    days = number_of(form, "days")
    days = days if days in SHARE_DAYS else SHARE_DAYS[1]
    token = new_token()
    with view.store.write() as connection:
        row = _row(connection, view)
        connection.execute(
            insert(shares).values(
                agent_id=view.agent.id,
                conversation=row["id"],
                token_hash=digest(token),
                created_at=now_us(),
                expires_at=now_us() + days * DAY,
            )
        )
    url = view.request.url
    return show(view, f"{url.scheme}://{url.netloc}/s/{token}", days)


def file(view: View) -> Response:
    """Return an attachment for download, never to be shown inside the dashboard's origin."""
    with view.store.read() as connection:
        a = attachments.c
        row = connection.execute(
            select(a.sha256, a.filename).where(
                a.agent_id == view.agent.id, a.id == view.request.path_params["file"]
            )
        ).one_or_none()
        data = view.store.files.get(connection, row.sha256) if row is not None else None
    if row is None or data is None:
        raise HTTPException(404)
    name = re.sub(r"[\x00-\x1f\x7f\"\\/]", "_", row.filename) or "file"
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    return Response(data, media_type="application/octet-stream", headers=headers)


def as_json(view: View) -> Response:
    """Return the conversation as one JSON document."""
    with view.store.read() as connection:
        row = _row(connection, view)
        found = transcripts(connection, view.agent.id, [row["id"]])
    times = {
        "started_at",
        "ended_at",
        "deleted_at",
        "created_at",
        "updated_at",
        "first_message_at",
        "last_message_at",
    }
    hidden = {"agent_id", "import_id"}
    record = {
        name: iso(value) if name in times else value for name, value in row.items() if name not in hidden
    }
    record["messages"] = export.message_records(found, row["id"])
    return Response(encode_json(record), media_type="application/json", headers=_named(row, "json"))


def as_html(view: View) -> Response:
    """Return the transcript as a page that needs nothing but itself."""
    with view.store.read() as connection:
        row = _row(connection, view)
        transcript = read_transcript(connection, view.agent.id, row["id"], view.zone, limit=None)
    text = ENVIRONMENT.get_template("transcript.html").render(
        **sheet(view.brand.name or view.agent.name, row),
        css=static_file("app.css").decode(),
        transcript=transcript,
        zone_moment=view.moment,
        zone_name=view.zone.key,
        full=True,
    )
    return HTMLResponse(text, headers=_named(row, "html"))


def sheet(brand_name: str, row: RowMapping) -> dict[str, Any]:
    """Return what a transcript outside the dashboard shows besides its lines."""
    return {
        "name": row["name"] or "Conversation",
        "brand_name": brand_name,
        "started_at": row["started_at"],
        "files": lambda _: None,
        "mark": escape,
    }


def _named(row: RowMapping, suffix: str) -> dict[str, str]:
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", row["conversation_id"])[:80].strip(".-") or "conversation"
    return {"Content-Disposition": f'attachment; filename="{name}.{suffix}"'}


def _row(connection: Connection, view: View) -> RowMapping:
    row = find(connection, view.agent.id, view.request.path_params["key"])
    if row is None:
        raise HTTPException(404)
    return row


def _kept(connection: Connection, view: View, key: int) -> dict[str, Any]:
    n, s = notes.c, shares.c
    mine = select(notes).where(n.agent_id == view.agent.id, n.conversation == key).order_by(n.id)
    valid = (
        (s.agent_id == view.agent.id)
        & (s.conversation == key)
        & s.revoked_at.is_(None)
        & (s.expires_at > view.now)
    )
    return {
        "notes": connection.execute(mine).all(),
        "shares": connection.execute(select(shares).where(valid).order_by(s.id)).all(),
    }

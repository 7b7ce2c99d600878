"""What only the owner sees: settings and client logins; and saved views."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from sqlalchemy import delete, insert, select, update
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from agentsight_otel.server.analytics.scope import ESCALATION_ACTIONS
from agentsight_otel.server.clock import now_us
from agentsight_otel.server.dashboard.access import DAY, digest, new_token
from agentsight_otel.server.dashboard.brand import ACCENT, MAX_LOGO_BYTES, load_brand, save_brand
from agentsight_otel.server.dashboard.fields import number_of, text_of, whole_number
from agentsight_otel.server.dashboard.render import page
from agentsight_otel.server.dashboard.tables import clients, views
from agentsight_otel.server.dashboard.view import KEPT, View, address

CLIENT_DAYS: Final = (7, 30, 90, 365)
SAVED: Final = {
    "": "Analytics",
    "conversations": "Conversations",
    "tokens": "Tokens & cost",
    "feedback": "Feedback",
    "tools": "Tools",
    "customers": "Customers",
}


def show_reports(view: View) -> Response:
    """Return the saved views and reports."""
    v = views.c
    with view.store.read() as connection:
        rows = connection.execute(
            select(views).where(v.agent_id == view.agent.id).order_by(v.id.desc())
        ).all()
    saved = [
        (row, SAVED.get(row.page, row.page), view.base + row.page + (f"?{row.query}" if row.query else ""))
        for row in rows
    ]
    return page(view, "reports.html", heading="Reports", active="reports", saved=saved)


def save_view(view: View, form: FormData) -> Response:
    """Save a page with its filters under a name, or forget one."""
    if text_of(form, "do") == "forget":
        with view.store.write() as connection:
            mine = (views.c.agent_id == view.agent.id) & (views.c.id == number_of(form, "id"))
            connection.execute(delete(views).where(mine))
        return RedirectResponse(view.link("reports"), 303)
    name, target = text_of(form, "name").strip()[:120], text_of(form, "page")
    if not name or target not in SAVED:
        raise HTTPException(400, "A saved view needs a name and a page.")
    params = {
        key: value for key, value in parse_qsl(text_of(form, "query")[:4000]) if key not in {"after", "page"}
    }
    if text_of(form, "fixed"):
        params |= {
            "from": view.period.first.isoformat(),
            "to": view.period.last.isoformat(),
            "tz": view.zone.key,
        }
        params.pop("range", None)
    query = address("", params).removeprefix("?")
    with view.store.write() as connection:
        connection.execute(
            insert(views).values(
                agent_id=view.agent.id, name=name, page=target, query=query, created_at=now_us()
            )
        )
    kept = {key: value for key, value in params.items() if key in KEPT}
    return RedirectResponse(address(view.base + "reports", kept), 303)


def show_settings(view: View, notice: str = "", tone: str = "good", secret: str = "") -> Response:
    """Return the settings of the agent and the client logins."""
    c = clients.c
    with view.store.read() as connection:
        rows = connection.execute(select(clients).order_by(c.id.desc())).all()
        brand = load_brand(connection, view.agent.id)
    active = [row for row in rows if row.revoked_at is None and row.expires_at > view.now]
    return page(
        view,
        "settings.html",
        heading="Settings",
        active="settings",
        brand=brand,
        accent=brand.accent or ACCENT,
        clients=active,
        days=CLIENT_DAYS,
        default_escalation=ESCALATION_ACTIONS,
        notice=notice,
        notice_tone=tone,
        secret=secret,
    )


def save_settings(view: View, form: FormData) -> Response:
    """Do what a form of the settings asks for."""
    match text_of(form, "do"):
        case "brand":
            return _save_brand(view, form)
        case "invite":
            return _invite(view, form)
        case "revoke":
            with view.store.write() as connection:
                mine = clients.c.id == number_of(form, "client")
                connection.execute(update(clients).where(mine).values(revoked_at=now_us()))
            return RedirectResponse(view.link("settings"), 303)
    raise HTTPException(400, "Nothing of this name can be done.")


def _save_brand(view: View, form: FormData) -> Response:
    names = tuple(part.strip() for part in text_of(form, "escalation").split(",") if part.strip())
    upload = form.get("logo")
    data = upload.file.read(MAX_LOGO_BYTES + 1) if isinstance(upload, UploadFile) else b""
    accent = text_of(form, "accent").strip().lower()
    brand = view.brand._replace(
        name=text_of(form, "name").strip()[:120],
        accent="" if accent == ACCENT else accent,
        footer=text_of(form, "footer").strip()[:500],
        escalation=names[:50] or ESCALATION_ACTIONS,
        logo=None if text_of(form, "no_logo") else data or view.brand.logo,
    )
    try:
        with view.store.write() as connection:
            save_brand(connection, view.agent.id, brand)
    except ValueError as error:
        return show_settings(view, str(error), "bad")
    return RedirectResponse(view.link("settings"), 303)


def _invite(view: View, form: FormData) -> Response:
    name = text_of(form, "name").strip()[:120] or "Client"
    days = number_of(form, "days")
    token = new_token()
    known = {row.id for row in view.agents}
    chosen = sorted(
        known & {whole_number(value) for value in form.getlist("agent") if isinstance(value, str)}
    )
    with view.store.write() as connection:
        connection.execute(
            insert(clients).values(
                name=name,
                agents=chosen or [view.agent.id],
                token_hash=digest(token),
                created_at=now_us(),
                expires_at=now_us() + (days if days in CLIENT_DAYS else 30) * DAY,
            )
        )
    url = view.request.url
    return show_settings(view, secret=f"{url.scheme}://{url.netloc}/login?token={token}")

"""What belongs to no agent: login and logout, the theme, the static files, shared transcripts."""

from __future__ import annotations

from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Row, select
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from agentsight_otel.server.clock import now_us
from agentsight_otel.server.dashboard.access import COOKIE, SECOND, SESSION_US, digest, redeem
from agentsight_otel.server.dashboard.brand import brand_css, load_brand
from agentsight_otel.server.dashboard.fields import safe_path, whole_number
from agentsight_otel.server.dashboard.pages.conversation import sheet
from agentsight_otel.server.dashboard.present import moment
from agentsight_otel.server.dashboard.render import STATIC, plain, static_file, theme_of
from agentsight_otel.server.dashboard.tables import shares
from agentsight_otel.server.dashboard.transcript import read_transcript
from agentsight_otel.server.dashboard.view import address, visible_agents
from agentsight_otel.server.store.conversations import find
from agentsight_otel.server.store.engine import Store

YEAR: Final = 31_536_000
UTC: Final = ZoneInfo("UTC")


def nowhere(_request: Request, _store: Store) -> Response:
    """Say so: no page has this address."""
    raise HTTPException(404)


def home(request: Request, store: Store) -> Response:
    """Lead to the first agent."""
    with store.read() as connection:
        known = visible_agents(connection, request.state.session)
    if not known:
        raise HTTPException(404, "There is no agent yet.")
    return RedirectResponse(f"/agents/{known[0].id}/", 303)


def login(request: Request, store: Store) -> Response:
    """Show the login page, or open a session with a link's token."""
    token = request.query_params.get("token")
    if token is not None:
        return sign_in(request, store, token)
    return plain("login.html", theme=theme_of(request.cookies.get("theme")), go=False, failed=False)


def sign_in(request: Request, store: Store, token: str) -> Response:
    """Open a session with a token, or say that it opens nothing."""
    theme = theme_of(request.cookies.get("theme"))
    cookie = redeem(store, token)
    if cookie is None:
        return plain("login.html", status=403, theme=theme, go=False, failed=True)
    # A page and not a redirect: coming from elsewhere, the browser would not send the strict cookie along
    response = plain("login.html", theme=theme, go=True, failed=False)
    response.set_cookie(
        COOKIE,
        cookie,
        max_age=SESSION_US // SECOND,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return response


def logout(_request: Request, _store: Store) -> Response:
    """Close the session."""
    response = RedirectResponse("/login", 303)
    response.delete_cookie(COOKIE)
    return response


def theme(request: Request, _store: Store) -> Response:
    """Remember light or dark; choosing the same again goes back to what the system says."""
    chosen = theme_of(request.query_params.get("to"))
    response = RedirectResponse(safe_path(request.query_params.get("next", "")) or "/", 303)
    if not chosen or chosen == request.cookies.get("theme"):
        response.delete_cookie("theme")
    else:
        response.set_cookie("theme", chosen, max_age=YEAR, samesite="strict")
    return response


def static(request: Request, _store: Store) -> Response:
    """Return one of the files that come with the package; its address changes when it does."""
    name = request.path_params["name"]
    if name not in STATIC:
        raise HTTPException(404)
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(static_file(name), media_type=STATIC[name], headers=headers)


def shared(request: Request, store: Store) -> Response:
    """Return a part of the transcript a share link opens: texts only, nothing about the customer."""
    token, query = request.path_params["token"], request.query_params
    share = open_share(store, token)
    with store.read() as connection:
        row = find(connection, share.agent_id, share.conversation)
        if row is None or row["deleted_at"] is not None:
            raise HTTPException(410, "This transcript is no longer there.")
        brand = load_brand(connection, share.agent_id)
        transcript = read_transcript(
            connection,
            share.agent_id,
            row["id"],
            UTC,
            part=whole_number(query.get("part", "")) or 1,
            at=whole_number(query.get("at", "")),
        )
    response = plain(
        "shared.html",
        theme=theme_of(request.cookies.get("theme")),
        **sheet(brand.name or "AgentSight", row),
        brand_footer=brand.footer,
        token=token,
        transcript=transcript,
        here=lambda **changes: address(request.url.path, changes),
        zone_moment=lambda value: moment(value, UTC),
        full=False,
    )
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


def shared_css(request: Request, store: Store) -> Response:
    """Return the colours of a shared transcript."""
    share = open_share(store, request.path_params["token"])
    with store.read() as connection:
        brand = load_brand(connection, share.agent_id)
    return Response(brand_css(brand.accent), media_type="text/css")


def open_share(store: Store, token: str) -> Row[*tuple[int, ...]]:
    """Return what a share link's token opens; the look-up is by hash and takes no longer for a near guess.

    Raises:
        HTTPException: 404 for a token that was never given out, 410 for one that has ended.
    """
    with store.read() as connection:
        row = connection.execute(select(shares).where(shares.c.token_hash == digest(token))).one_or_none()
    if row is None:
        raise HTTPException(404)
    if row.revoked_at is not None or row.expires_at <= now_us():
        raise HTTPException(410, "This link has ended.")
    return row

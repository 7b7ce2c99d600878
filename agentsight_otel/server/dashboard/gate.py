"""The gate every request of the dashboard passes: session, origin check, security headers.

Host names are checked by the application around it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agentsight_otel.server.dashboard.access import COOKIE, Session, session_of
from agentsight_otel.server.store.engine import Store

PUBLIC: Final = ("/static/", "/login", "/s/")
"""Paths that need no login: assets, the login itself, shared transcripts."""

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; "
)
HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


class Gate:
    """ASGI middleware around the dashboard.

    Args:
        app: The dashboard's router.
        store: The database.
        frames: The directive that says who may frame a page.
        needs_login: Whether a session is needed; without, everybody is the owner.
    """

    def __init__(self, app: ASGIApp, store: Store, frames: str, *, needs_login: bool = True) -> None:
        self._app = app
        self._store = store
        self._needs_login = needs_login
        self._headers = HEADERS | {"Content-Security-Policy": POLICY + frames}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on to the dashboard with ``scope["state"]["session"]`` set."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        guarded_send = _with_headers(send, self._headers)
        refusal = self._refuse(headers, scope["method"])
        if refusal is None:
            session = await self._session(Request(scope), scope["path"])
            if isinstance(session, Response):
                refusal = session
            else:
                scope.setdefault("state", {})["session"] = session
        await (refusal or self._app)(scope, receive, guarded_send)

    @staticmethod
    def _refuse(headers: Headers, method: str) -> Response | None:
        if method not in {"GET", "HEAD"} and not _same_origin(headers):
            return PlainTextResponse("Cross-origin request refused.", 403)
        return None

    async def _session(self, request: Request, path: str) -> Session | Response | None:
        if not self._needs_login:
            return Session("open", None, "Owner", None)
        session = await run_in_threadpool(session_of, self._store, request.cookies.get(COOKIE))
        if session is None and not path.startswith(PUBLIC):
            return RedirectResponse("/login", 303)
        return session


def _same_origin(headers: Headers) -> bool:
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower()


def _with_headers(send: Send, more: Mapping[str, str]) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in more.items():
                headers.setdefault(name, value)
        await send(message)

    return guarded

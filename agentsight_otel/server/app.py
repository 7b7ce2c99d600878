"""The ASGI application of the local server."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from agentsight_otel.server.api.limiting import Limits, RateLimit
from agentsight_otel.server.api.routes import ROUTES
from agentsight_otel.server.api.routing import not_found_page, starlette_routes
from agentsight_otel.server.store import Store

logger = logging.getLogger("agentsight_otel")

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


def create_app(
    store: Store,
    *,
    routes: Sequence[BaseRoute] = (),
    hosts: frozenset[str] | None = LOOPBACK_NAMES,
    rate_limit: int | None = None,
    attachment_quota: int | None = None,
) -> ASGIApp:
    """Return the application: the REST routes and whatever is mounted beside them.

    Args:
        store: The database.
        routes: More routes on the same port: OTLP, the dashboard. REST routes come first.
        hosts: Names a request's Host header may have, so that a page elsewhere cannot reach a local server
            under a name of its own; None for any.
        rate_limit: REST requests one key may send in a minute; None for any number.
        attachment_quota: Bytes of all attachments of one agent; None for any number.
    """
    limits = Limits(None if rate_limit is None else RateLimit(rate_limit), attachment_quota)
    app = Starlette(
        routes=[*starlette_routes(store, ROUTES, limits), *routes],
        exception_handlers={404: not_found_page, Exception: _broken},
    )
    app.router.redirect_slashes = False
    return app if hosts is None else _OnlyHosts(app, hosts)


async def _broken(request: Request, error: Exception) -> Response:
    """Answer an error of our own; its text may quote a conversation and is not shown."""
    logger.error("agentsight-otel: %r failed with %s", request.scope.get("path"), type(error).__name__)
    return JSONResponse({"detail": "Internal server error."}, 500)


class _OnlyHosts:
    """Answers 421 to a request for another host than those given."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _host(scope) not in self._hosts:
            response = JSONResponse({"detail": "This server does not answer to that host name."}, 421)
            await response(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _host(scope: Scope) -> str:
    value = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1")
    name, colon, port = value.rpartition(":")
    return (name if colon and port.isdigit() else value).lower()

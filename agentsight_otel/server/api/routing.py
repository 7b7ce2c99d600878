"""Routes as data, and what every one of them goes through: key, role, body, handler, answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

from sqlalchemy.exc import OperationalError
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route as StarletteRoute

from agentsight_otel.server.api.body import MAX_WIRE, inflated, read_body
from agentsight_otel.server.api.http import Answer, ApiError, Call, Handler
from agentsight_otel.server.api.limiting import Limits
from agentsight_otel.server.store.engine import Store
from agentsight_otel.server.store.keys import Principal, Refused, find_key, touch_key

NOT_FOUND_PAGE = "<!doctype html>\n<title>Not Found</title>\n<h1>Not Found</h1>\n"
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
BODY_METHODS = frozenset({"POST", "PATCH", "PUT"})


class Route(NamedTuple):
    """One method of one path.

    Attributes:
        method: HTTP method.
        path: Starlette path.
        handler: Answers it.
        role: ``read`` or ``write``: what the key must allow; None for a route that checks itself.
        refused_status: The answer to a bad key.
        max_body: Bytes of body it takes.
    """

    method: str
    path: str
    handler: Handler
    role: str | None = "read"
    refused_status: int = 401
    max_body: int = MAX_WIRE


NOBODY = Principal(0, 0, "", "", "none", stale=False)


def authenticate(store: Store, header: str | None, schemes: Iterable[str] = ("api-key",)) -> Principal:
    """Return who an Authorization header belongs to.

    Args:
        store: The database.
        header: The header's value.
        schemes: The schemes this route takes, lower case.

    Raises:
        Refused: With the text to answer.
    """
    if not header:
        raise Refused("Authentication credentials were not provided.")
    scheme, _, key = header.partition(" ")
    if scheme.lower() not in set(schemes) or not key.strip():
        raise Refused("Authentication credentials were not provided.")
    with store.read() as connection:
        principal = find_key(connection, key)
    if principal.stale:
        with store.write() as connection:
            touch_key(connection, principal.key_id)
    return principal


def starlette_routes(store: Store, routes: Iterable[Route], limits: Limits) -> list[StarletteRoute]:
    """Return Starlette routes; a path answers 405 to the methods it does not have, once the key is known.

    Args:
        store: The database.
        routes: The table.
        limits: What is allowed.
    """
    by_path: dict[str, dict[str, Route]] = defaultdict(dict)
    for route in routes:
        by_path[route.path][route.method] = route
    return [
        StarletteRoute(path, _endpoint(store, methods, limits), methods=_METHODS)
        for path, methods in by_path.items()
    ]


def _endpoint(
    store: Store, methods: dict[str, Route], limits: Limits
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            return respond(await _answer(store, methods, limits, request))
        except ApiError as error:
            return respond(Answer(error.body, error.status, error.headers))
        except OperationalError:
            body = {"detail": "The database is busy or not reachable. Try again."}
            return respond(Answer(body, 503, {"Retry-After": "1"}))
        except ClientDisconnect:
            return Response(status_code=400)

    return endpoint


async def _answer(store: Store, methods: dict[str, Route], limits: Limits, request: Request) -> Answer:
    route = methods.get("GET" if request.method == "HEAD" else request.method)
    door = route or _door(methods)
    principal = NOBODY
    if door.role is not None:
        principal = await run_in_threadpool(_admit, store, door, request.headers.get("authorization"))
        wait = None if limits.rate is None else limits.rate.take(principal.key_id)
        if wait is not None:
            detail = f"Request was throttled. Expected available in {wait} seconds."
            raise ApiError(429, {"detail": detail}, {"Retry-After": str(wait)})
    if route is None:
        detail = f'Method "{request.method}" not allowed.'
        raise ApiError(405, {"detail": detail}, {"Allow": ", ".join(sorted(methods))})
    sent = await read_body(request, route.max_body) if request.method in BODY_METHODS else b""

    def handle() -> Answer:
        call = Call(
            store,
            principal,
            request.path_params,
            request.query_params,
            inflated(request, sent),
            request.headers,
            request.url,
            limits.attachments,
        )
        return route.handler(call)

    return await run_in_threadpool(handle)


def _door(methods: dict[str, Route]) -> Route:
    """Return what a method that a path does not have goes through first: a key of either role, if any."""
    route = next(iter(methods.values()))
    return route if route.role is None else route._replace(role="read")


def _admit(store: Store, route: Route, header: str | None) -> Principal:
    try:
        principal = authenticate(store, header)
    except Refused as error:
        raise ApiError(
            route.refused_status, {"detail": str(error)}, {"WWW-Authenticate": "Api-Key"}
        ) from None
    if route.role == "write" and principal.role != "write":
        raise ApiError(403, {"detail": "You do not have permission to perform this action."})
    return principal


def respond(answer: Answer) -> Response:
    """Return the HTTP response for an answer."""
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", **answer.headers}
    media_type = "application/json" if answer.is_json else None
    return Response(answer.content, answer.status, headers, media_type)


async def not_found_page(request: Request, error: Exception) -> Response:
    """Answer a path that is no route, as AgentSight does: 404 with an HTML body."""
    del request, error
    return HTMLResponse(NOT_FOUND_PAGE, 404)

"""Server-sent events: what arrives while a page is open, from where the page (or a lost connection) ended.

One look at the database serves every open page, however many there are.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, Final, NamedTuple

from sqlalchemy import func, select
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from agentsight_otel.encoding import encode_json
from agentsight_otel.server.dashboard.access import COOKIE, session_of
from agentsight_otel.server.dashboard.fields import whole_number
from agentsight_otel.server.dashboard.view import View
from agentsight_otel.server.store.engine import Store
from agentsight_otel.server.store.tables import conversations, messages

LOOK: Final = 0.2
"""Seconds between two looks at the database."""
HEARTBEAT: Final = 15.0
"""Seconds without news after which a sign of life is sent, so that dead connections are noticed."""
MOST: Final = 100
"""Streams open at a time; one more is told to stay away."""

Mark = tuple[Any, ...]


class News(NamedTuple):
    """One event: what a page needs to go on from here, and its data."""

    seen: int
    data: dict[str, Any]


Source = Callable[[int], News | None]
"""Returns what is newer than the given id; None when nothing is."""


class Live:
    """The open streams of one server."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open = 0
        self._lock = asyncio.Lock()
        self._mark: Mark = ()
        self._looked = 0.0

    def answer(self, view: View, source: Source, seen: int) -> Response:
        """Return the stream of a page; a browser that lost its connection goes on where it was.

        Args:
            view: Who asks for what.
            source: What to tell.
            seen: The newest id the page shows.
        """
        if self._open >= MOST:
            return Response(status_code=204)
        last = view.request.headers.get("last-event-id") or view.params.get("last", "")
        seen = max(seen, whole_number(last) or 0)
        headers = {"X-Accel-Buffering": "no"}
        return StreamingResponse(
            self._stream(view, source, seen), media_type="text/event-stream", headers=headers
        )

    async def _stream(self, view: View, source: Source, seen: int) -> AsyncIterator[bytes]:
        stopping = view.request.scope.get("state", {}).get("stopping")
        self._open += 1
        try:
            yield b"retry: 1000\n\n"
            known: Mark | None = None
            spoke = time.monotonic()
            while stopping is None or not stopping.is_set():
                mark = await self._newest()
                due = time.monotonic() - spoke > HEARTBEAT
                if mark != known or due:
                    known = mark
                    if not await run_in_threadpool(_may_look, view):
                        return
                    news = await run_in_threadpool(source, seen)
                    if news is not None:
                        seen = news.seen
                        yield b"id: %d\ndata: %s\n\n" % (seen, encode_json(news.data))
                    elif due:
                        yield b":\n\n"
                    if news is not None or due:
                        spoke = time.monotonic()
                await asyncio.sleep(LOOK)
        finally:
            self._open -= 1

    async def _newest(self) -> Mark:
        """Return something that changes whenever a conversation or a line is added."""
        async with self._lock:
            if time.monotonic() - self._looked >= LOOK:
                self._mark = await run_in_threadpool(_look, self._store)
                self._looked = time.monotonic()
        return self._mark


def _look(store: Store) -> Mark:
    with store.read() as connection:
        row = connection.execute(
            select(
                select(func.max(conversations.c.id)).scalar_subquery(),
                select(func.max(messages.c.id)).scalar_subquery(),
            )
        ).one()
    return tuple(row)


def _may_look(view: View) -> bool:
    """Whether the session is still good: a client login may have been revoked since the page was opened."""
    request: Request = view.request
    if view.session.value == "open":
        return True
    session = session_of(view.store, request.cookies.get(COOKIE))
    return session is not None and session.may_see(view.agent.id)

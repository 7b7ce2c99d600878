"""The ASGI layer of the test server: records what arrives and carries out the faults."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agentsight_otel.gateway.answers import Refused
from agentsight_otel.gateway.bodies import inflate
from agentsight_otel.gateway.protocol import BoundedProtocol
from agentsight_otel.server.api.body import MAX_INFLATED
from agentsight_otel.server.faults import Faults, fault_answer, reset_connection

_connections: dict[tuple[int, str, int], asyncio.Transport] = {}
"""Open connections by the server's port and the client's address, so that a fault can cut one."""


class TrackedProtocol(BoundedProtocol):
    """The server's protocol, whose connections can be found again."""

    _ends: tuple[int, str, int] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember the connection."""
        peer = transport.get_extra_info("peername")
        self._ends = (int(transport.get_extra_info("sockname")[1]), str(peer[0]), int(peer[1]))
        _connections[self._ends] = transport
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if self._ends is not None and _connections.get(self._ends) is self.transport:
            del _connections[self._ends]
        super().connection_lost(exc)


@dataclass(frozen=True)
class RecordedRequest:
    """One request a test server got.

    Attributes:
        method: HTTP method.
        path: Path without the query.
        query: Query string without ``?``.
        headers: Header values by lower-case name.
        body: The inflated bytes; those that were sent where they are no gzip or too much of it.
        status: Of the answer; None when the connection was cut instead.
    """

    method: str
    path: str
    query: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    status: int | None


class Recorder:
    """Wraps an application."""

    def __init__(self, app: ASGIApp, faults: Faults, requests: list[RecordedRequest]) -> None:
        self._app = app
        self._faults = faults
        self._requests = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = await _read(receive)
        exchange = _Exchange(scope, body, self._requests, receive, send)
        path = exchange.path
        if delay := self._faults.take("delay", path):
            await asyncio.sleep(delay["seconds"])
        if self._faults.take("reset_before", path) is not None:
            await exchange.cut()
        elif answer := fault_answer(self._faults, path, len(body), exchange.inflated):
            for message in answer:
                await exchange.send(message)
        elif self._faults.take("reset_after", path) is not None:
            await self._app(scope, exchange.receive, _swallow)
            await exchange.cut()
        elif self._faults.take("truncate", path) is not None:
            await self._app(scope, exchange.receive, exchange.send_half)
        else:
            await self._app(scope, exchange.receive, exchange.send)


class _Exchange:
    """One request and its answer."""

    def __init__(
        self, scope: Scope, body: bytes, requests: list[RecordedRequest], receive: Receive, send: Send
    ) -> None:
        self.path: str = scope["path"]
        self._scope = scope
        self._headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        self._body = body
        self._requests = requests
        self._receive = receive
        self._send = send
        self._read = False
        self.inflated = _inflate(body) if self._headers.get("content-encoding") == "gzip" else body

    async def receive(self) -> Message:
        if self._read:
            return await asyncio.Future[Message]()  # nothing more comes; the application does not wait for it
        self._read = True
        return {"type": "http.request", "body": self._body, "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._record(message["status"])
        await self._send(message)

    async def send_half(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._record(message["status"])
            await self._send(message)
        elif not message.get("more_body"):
            half = message.get("body", b"")
            await self._send({**message, "body": half[: len(half) // 2], "more_body": True})
            self._transport().close()
            await self._gone()

    async def cut(self) -> None:
        self._record(None)
        reset_connection(self._transport())
        await self._gone()

    async def _gone(self) -> None:
        """Wait until uvicorn knows that the connection is closed, or it would complain about the answer."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def _transport(self) -> asyncio.Transport:
        host, port = self._scope["client"]
        return _connections[self._scope["server"][1], host, port]

    def _record(self, status: int | None) -> None:
        """Record before the client can know the answer, so that a test finds the request at once."""
        query = self._scope["query_string"].decode("latin-1")
        method = self._scope["method"]
        self._requests.append(RecordedRequest(method, self.path, query, self._headers, self.inflated, status))


async def _read(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            return b"".join(parts)


async def _swallow(message: Message) -> None:
    del message


def _inflate(body: bytes) -> bytes:
    try:
        return inflate(body, MAX_INFLATED)
    except Refused:
        return body

"""uvicorn's HTTP protocol with bounds on how large a head may be and how slowly a request may come."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

_REASONS = {
    400: "Invalid HTTP request received.",
    408: "The request came too slowly.",
    413: "Body too large.",
    431: "Headers too large.",
    503: "The body came too slowly.",
}


class _TooLarge(Exception):
    """Ends the parser."""


class BoundedProtocol(HttpToolsProtocol):
    """Closes connections that uvicorn would keep for as long as a client likes.

    Attributes:
        max_head: Bytes of request line and headers; more is a 431.
        max_body: Bytes of body, whatever the application would take; more is a 413.
        patience: Seconds a request may take to arrive, and a connection to send its first. Then it is a 408,
            or for a body a 503, which OTLP senders try again.
        slowest: Bytes that buy a further second, so that a large body may come over a slow line.
        linger: Seconds a connection stays open after an answer that did not wait for the whole request.
    """

    max_head: ClassVar[int] = 64 * 1024
    max_body: ClassVar[int] = 64 * 1024 * 1024
    patience: ClassVar[float] = 20.0
    slowest: ClassVar[int] = 16 * 1024
    linger: ClassVar[float] = 5.0

    _timer: asyncio.TimerHandle | None = None
    _since = 0.0
    _arrived = 0
    _head = 0
    _body = 0
    _in_head = True
    _refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came, unless the request is refused already."""
        if self._refused:
            return
        self._arrived += len(data)
        super().data_received(data)
        if self._in_head and self._arrived > self.max_head and not self._refused:
            self._refuse(431)

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._head = self._body = 0
        self._in_head = True
        if self._timer is None:
            self._watch()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Count the request line."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header."""
        self._count(len(name) + len(value) + 4)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Hand the request to the application; its body may follow."""
        self._in_head = False
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Count a part of the body."""
        self._body += len(body)
        if self._body > self.max_body:
            raise _TooLarge
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Stop waiting: the request is whole."""
        self._stop()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Close the connection soon when the answer did not wait for the body."""
        super().on_response_complete()
        if self._timer is not None and not self.transport.is_closing():
            self._stop()
            self._timer = self.loop.call_later(self.linger, self.transport.close)

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser could not read."""
        del msg
        self._refuse(431 if self._head > self.max_head else 413 if self._body > self.max_body else 400)

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > self.max_head:
            raise _TooLarge

    def _watch(self) -> None:
        self._since = self.loop.time()
        self._arrived = 0
        self._timer = self.loop.call_later(self.patience, self._check)

    def _check(self) -> None:
        left = self._since + self.patience + self._arrived / self.slowest - self.loop.time()
        if left <= 0 and not self.flow.read_paused:
            self._timer = None
            self._refuse(408 if self._in_head else 503)
        else:  # where reading is paused, it is we who are slow
            self._timer = self.loop.call_later(max(left, 1.0), self._check)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, status: int) -> None:
        """Answer unless an answer has begun, and close when the client had time to read it."""
        self._refused = True
        self._stop()
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            if self.cycle.response_started:
                self.transport.close()
                return
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        text = _REASONS[status].encode()
        size = b"content-length: %d\r\n" % len(text)
        head = (
            STATUS_LINE[status] + b"content-type: text/plain; charset=utf-8\r\nconnection: close\r\n" + size
        )
        self.transport.write(head + b"\r\n" + text)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._timer = self.loop.call_later(self.linger, self.transport.close)

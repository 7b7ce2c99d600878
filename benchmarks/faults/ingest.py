"""A server that stands in for every peer's backend, counts events, and misbehaves on command."""

import gzip
import json
import re
import socket
import struct
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

EVENT = re.compile(rb"evt-(\d{6}) ")
POISON = b"poison-evt"
BIG = 100_000
"""Characters from which an event's text is checked for having arrived whole."""

_AFTERWARDS = 1.0
_JSON = "application/json"


@dataclass(frozen=True)
class Fault:
    """What goes wrong; the default is nothing.

    Attributes:
        status: Answer to everything, from the first request with an event on.
        seconds: How long; None until the end of the run.
        retry_after: Header of those answers.
        poison: 400 to a body with the poisoned event.
        limit: 413 to bodies of more bytes, as sent.
        reset_first: Take the first request with events, and cut its connection instead of answering.
        delay: Seconds before a request is handled.
        down: Nobody listens until the run is over.
    """

    status: int | None = None
    seconds: float | None = None
    retry_after: int | None = None
    poison: bool = False
    limit: int | None = None
    reset_first: bool = False
    delay: float = 0.0
    down: bool = False


@dataclass
class Taken:
    """One request that was taken: what a real backend would have committed."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Ingest:
    """The server; `open` makes it listen.

    Attributes:
        fault: What goes wrong; may be changed at any time.
        keep: Whether taken requests are kept in `taken`.
        counts: How often each event was taken.
        cut: Events that were taken, but with less text than was given.
        requests: How many requests had events.
        opened: When the first of them came, monotonic, or None.
    """

    fault: Fault
    keep: bool = False
    size: int = 200
    counts: Counter[int] = field(default_factory=Counter)
    cut: set[int] = field(default_factory=set)
    requests: int = 0
    opened: float | None = None
    taken: list[Taken] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._busy = 0
        self._last = 0.0
        handler = type("BoundHandler", (Handler,), {"ingest": self})
        # Bound and not listening, the port refuses connections, and nobody else can have it.
        self._server = Server(("127.0.0.1", 0), handler, bind_and_activate=False)
        self._server.server_bind()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._listening = False

    def open(self) -> None:
        """Listen."""
        if not self._listening:
            self._listening = True
            self._server.server_activate()
            threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def settle(self, seconds: float = 20.0) -> None:
        """Wait until no request is in hand and none has come for a second; at most *seconds*."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with self._lock:
                quiet = self._busy == 0 and time.monotonic() - self._last > _AFTERWARDS
            if quiet:
                return
            time.sleep(0.05)

    def begin(self) -> None:
        """Note that a request is in hand."""
        with self._lock:
            self._busy += 1

    def end(self) -> None:
        """Note that it is done with."""
        with self._lock:
            self._busy -= 1
            self._last = time.monotonic()

    def over(self) -> bool:
        """Return whether a fault that lasts some seconds has come and gone."""
        seconds = self.fault.seconds
        return seconds is not None and self.opened is not None and time.monotonic() > self.opened + seconds

    def handle(self, path: str, headers: dict[str, str], wire: bytes) -> tuple[int, dict[str, str]] | None:
        """Decide on one request: None for an ordinary answer, a status with headers, 0 for a reset."""
        fault = self.fault
        if fault.delay:
            time.sleep(fault.delay)
        body = inflate(headers.get("content-encoding", ""), wire)
        events = {int(number) for number in EVENT.findall(body)}
        with self._lock:
            first = bool(events) and self.opened is None
            if first:
                self.opened = time.monotonic()
            self.requests += bool(events)
        if fault.status and self.opened is not None and not self.over():
            again = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
            return fault.status, again
        if fault.limit is not None and len(wire) > fault.limit:
            return 413, {}
        if fault.poison and POISON in body:
            return 400, {}
        if events:
            self._take(Taken(path, headers, wire), events, body)
        return (0, {}) if fault.reset_first and first else None

    def _take(self, taken: Taken, events: set[int], body: bytes) -> None:
        cut = {n for n in events if not is_whole(body, n, self.size)} if self.size >= BIG else set()
        with self._lock:
            self.counts.update(events)
            self.cut |= cut
            if self.keep:
                self.taken.append(taken)


def inflate(encoding: str, wire: bytes) -> bytes:
    """Undo the content encoding."""
    if encoding == "gzip":
        return gzip.decompress(wire)
    return zlib.decompress(wire) if encoding == "deflate" else wire


def is_whole(body: bytes, number: int, size: int) -> bool:
    """Return whether somewhere in *body* the event stands with all of its text."""
    tail = b" end-%06d" % number
    starts = (match.start() for match in re.finditer(b"evt-%06d " % number, body))
    return any(body[start + size - len(tail) : start + size] == tail for start in starts)


class Server(ThreadingHTTPServer):
    """One daemon thread for each connection."""

    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that go away: some are killed."""


class Handler(BaseHTTPRequestHandler):
    """Reads a request and answers as its path's backend would."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    ingest: Ingest

    def do_POST(self) -> None:
        """Take a request."""
        wire = b"".join(self._chunks())
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.ingest.begin()
        try:
            decision = self.ingest.handle(self.path, headers, wire)
        finally:
            self.ingest.end()
        if decision is None:
            self._answer(*answer(self.path), {})
        elif decision[0] == 0:
            self._reset()
        else:
            self._answer(decision[0], _JSON, b"{}", decision[1])

    def do_GET(self) -> None:
        """Answer a question; the SDKs ask who they are."""
        self.do_POST()

    def _chunks(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            yield self.rfile.read(int(self.headers.get("Content-Length") or 0))
            return
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _answer(self, status: int, kind: str, body: bytes, headers: dict[str, str]) -> None:
        lines = [f"HTTP/1.1 {status} {self.responses.get(status, ('', ''))[0]}", f"Content-Type: {kind}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"Content-Length: {len(body)}", "", ""]
        self.wfile.write("\r\n".join(lines).encode() + body)

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


def answer(path: str) -> tuple[int, str, bytes]:
    """Return status, type and body of the answer to a request that was taken."""
    if path.endswith(("/v1/traces", "/v1/logs", "/v1/metrics")):
        return 200, "application/x-protobuf", b""
    known: dict[str, Any] = {"success": True, "status": 1}
    if path.startswith("/api/ingest/"):
        return 201, _JSON, b"{}"
    if path.startswith("/api/me/"):
        known = {"agent_id": 1, "agent_name": "mock", "role": "write", "environments": [], "capabilities": []}
    elif path.startswith("/v1/info"):
        known = {"project_name": "mock", "project_url": "http://127.0.0.1"}
    elif path.endswith("/is-alive/ping"):
        known = {"message": "Healthy Server", "healthy": True}
    return 200, _JSON, json.dumps(known).encode()

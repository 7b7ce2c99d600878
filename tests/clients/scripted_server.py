"""A small HTTP server that answers what a test tells it to and remembers what it was asked."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

KEY = "ags_" + "0" * 32 + "_abcdef"


@dataclass
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: Any


@dataclass
class Script:
    """What the server answers and what it was asked."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    answers: list[tuple[int, Any, dict[str, str]]] = field(default_factory=list)
    reply: Callable[[Asked], tuple[int, Any]] = lambda _: (200, {"id": 7})

    def then(self, status: int, body: Any = None, **headers: str) -> None:
        """Queue one answer; when the queue is empty, ``reply`` answers."""
        self.answers.append((status, body, headers))

    @property
    def lines(self) -> list[str]:
        """Method and path of every request."""
        return [f"{request.method} {request.path}" for request in self.asked]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script: Script

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        query = parse_qsl(parts.query, keep_blank_values=True)
        asked = Asked(self.command, parts.path, query, dict(self.headers), json.loads(raw) if raw else None)
        self.script.asked.append(asked)
        status, body, headers = (
            self.script.answers.pop(0) if self.script.answers else (*self.script.reply(asked), {})
        )
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815  # names http.server looks for

    def log_message(self, *args: object) -> None:
        """Stay quiet."""


@contextmanager
def answering(context: ssl.SSLContext | None = None) -> Iterator[Script]:
    """Run the scripted server, over TLS where a context is given."""
    script = Script()
    handler = type("Handler", (_Handler,), {"script": script})
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    httpd.daemon_threads = True
    script.url = f"http{'s' if context else ''}://127.0.0.1:{httpd.server_port}"
    if context:
        httpd.socket = context.wrap_socket(httpd.socket, server_side=True)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield script
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join(5)


@pytest.fixture
def script() -> Iterator[Script]:
    """Run the scripted server over plain HTTP."""
    with answering() as running:
        yield running

"""What the delivery tests share."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import requests

from agentsight_otel.testing import LocalServer
from agentsight_otel.translation.span_data import EventData, SpanData

KEY = "ags_" + "0" * 32 + "_" + "a1b2c3"
START = 1_790_000_000_000_000_000
INGEST = "/api/ingest/"


def turn(number: int, conversation: str = "c1", text: str | None = None) -> SpanData:
    """Make a native turn with one user message; *number* is its id, its place and its text."""
    time_ns = START + number * 1_000_000
    return SpanData(
        trace_id=f"{1:032x}",
        span_id=f"{number + 1:016x}",
        name="turn",
        start_ns=time_ns,
        end_ns=time_ns + 1000,
        attributes={
            "agentsight.span.kind": "turn",
            "agentsight.conversation.id": conversation,
            "agentsight.turn.complete": True,
        },
        events=(
            EventData(
                "agentsight.message",
                time_ns,
                {
                    "agentsight.message.sender": "end_user",
                    "agentsight.message.content": f"message {number}" if text is None else text,
                },
            ),
        ),
    )


def turns(count: int, *, conversations: int = 10, size: int = 0, first: int = 0) -> list[SpanData]:
    """Make turns spread over conversations."""
    numbers = range(first, first + count)
    return [
        turn(n, f"c{n % conversations}", f"message {n} ".ljust(size, "x") if size else None) for n in numbers
    ]


def get(server: LocalServer, path: str, **params: str) -> Any:
    """Read from the server's API."""
    headers = {"Authorization": f"Api-Key {server.api_key}"}
    answer = requests.get(server.url + path, params=params, headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


def transcript(server: LocalServer, conversation: str) -> list[dict[str, Any]]:
    """Return a conversation's messages as the server has them."""
    key = get(server, "/api/conversations/lookup/", conversation_id=conversation)["id"]
    messages: list[dict[str, Any]] = get(server, f"/api/conversations/{key}/")["messages"]
    return messages


def texts(server: LocalServer, conversations: int = 10) -> list[str]:
    """Return every message of the conversations that `turns` makes."""
    return [m["content"] for n in range(conversations) for m in transcript(server, f"c{n}")]


def ingests(server: LocalServer) -> list[Any]:
    """Return the ingest requests that arrived."""
    return [request for request in server.requests if request.path == INGEST]


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for a condition; fail when it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come"
        time.sleep(0.01)


def run_script(
    source: str, *arguments: str, env: dict[str, str], seconds: float = 150.0
) -> subprocess.CompletedProcess[str]:
    """Run Python source in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", source, *arguments],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        cwd=Path(__file__).parent,
    )


Handler = Callable[[socket.socket, bytes], None]


@contextlib.contextmanager
def raw_server(handle: Handler) -> Iterator[str]:
    """Run a server that reads one request per connection and hands it to *handle*; yields its URL."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(0.1)
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            try:
                connection, _ = listening.accept()
            except TimeoutError:
                continue
            connection.settimeout(5)
            with connection, contextlib.suppress(OSError):
                handle(connection, read_request(connection))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        stop.set()
        thread.join(10)
        listening.close()


def read_request(connection: socket.socket) -> bytes:
    """Read one HTTP request with a Content-Length."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return data
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        part = connection.recv(65536)
        if not part:
            break
        body += part
    return head + b"\r\n\r\n" + body


def reset(connection: socket.socket) -> None:
    """Close with a TCP reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()

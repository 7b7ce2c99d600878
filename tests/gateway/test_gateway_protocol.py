"""Heads that are too large and requests that come too slowly, at the gateway and at the local server."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
import requests

from agentsight_otel.gateway.protocol import BoundedProtocol
from agentsight_otel.gateway.sockets import bind, url_of
from agentsight_otel.server.app import create_app
from agentsight_otel.server.listener import Listener
from agentsight_otel.testing import LocalServer

HANG = 25
"""Seconds after which a connection that should have been closed counts as hanging."""

WORDS = "what a customer said"


class Hasty(BoundedProtocol):
    """The same with less patience."""

    patience = 1.5  # a slow machine may take a second to connect and send
    linger = 0.3


@contextmanager
def hasty_server(protocol: type[Hasty] = Hasty) -> Iterator[tuple[str, str]]:
    """Run a server that waits for nobody; gives its address and a key."""
    with LocalServer() as server:
        listening = bind("127.0.0.1", 0)
        listener = Listener(create_app(server.store), listening, http=protocol)
        listener.start()
        yield url_of(listening), server.api_key
        listener.stop()


@contextmanager
def gateway_process() -> Iterator[str]:
    """Run `agentsight-otel gateway`."""
    command = [sys.executable, "-m", "agentsight_otel", "gateway", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        found = re.search(r"http://\S+?(?=,)", process.stderr.readline())
        assert found is not None
        yield found[0]
        process.terminate()
        process.communicate(timeout=30)


@contextmanager
def local_server() -> Iterator[str]:
    """Run the local server."""
    with LocalServer() as server:
        yield server.url


def connect(url: str) -> socket.socket:
    """Open a connection."""
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    return socket.create_connection((parts.hostname, parts.port), timeout=HANG)


def read_all(connection: socket.socket) -> bytes:
    """Return all that comes until the other side closes."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def ingest_head(key: str, size: int) -> bytes:
    """Return the head of a request with a body."""
    lines = ["POST /api/ingest/ HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Api-Key {key}"]
    return "\r\n".join([*lines, f"Content-Length: {size}", "", ""]).encode()


HEADS = [
    pytest.param([b"X-Long: " + b"x" * 100_000], id="one header"),
    pytest.param([b"X-%d: y" % number for number in range(20_000)], id="many headers"),
]


@pytest.mark.parametrize("lines", HEADS)
@pytest.mark.parametrize("run", [gateway_process, local_server])
def test_a_large_head_is_a_431(run: object, lines: list[bytes]) -> None:
    """100 KB of headers, in one or in many, end the connection; the next one is served."""
    assert callable(run)
    with run() as url:
        with connect(url) as connection:
            connection.sendall(b"\r\n".join([b"GET / HTTP/1.1", b"Host: 127.0.0.1", *lines, b"", b""]))
            assert read_all(connection).startswith(b"HTTP/1.1 431 ")
        ordinary = requests.get(f"{url}/nowhere", headers={"X-Long": "x" * 30_000}, timeout=HANG)
        assert ordinary.status_code == 404


def test_a_long_address_is_a_431() -> None:
    """The request line counts too."""
    with local_server() as url, connect(url) as connection:
        connection.sendall(b"GET /?" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert read_all(connection).startswith(b"HTTP/1.1 431 ")


SLOW = [
    pytest.param(b"", b"HTTP/1.1 408 ", id="nothing"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: 127", b"HTTP/1.1 408 ", id="half a head"),
    pytest.param(
        b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nhalf",
        b"HTTP/1.1 404 ",
        id="an answer that needs no body",
    ),
    pytest.param(
        b"GET /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET / HTTP",
        b"HTTP/1.1 404 ",
        id="half a second request",
    ),
]


@pytest.mark.parametrize(("sent", "answer"), SLOW)
def test_a_slow_request_is_closed(sent: bytes, answer: bytes) -> None:
    """What does not arrive in time is answered and closed, and others are served meanwhile."""
    with hasty_server() as (url, _), connect(url) as connection:
        connection.sendall(sent)
        assert requests.get(f"{url}/api/me/", timeout=HANG).status_code == 401
        assert read_all(connection).startswith(answer)


def test_a_slow_body_is_a_503() -> None:
    """A body that stops is given up with a status that senders try again."""
    with hasty_server() as (url, key), connect(url) as connection:
        connection.sendall(ingest_head(key, 100) + b"{")
        assert read_all(connection).startswith(b"HTTP/1.1 503 ")


def test_a_body_beyond_every_limit_is_a_413() -> None:
    """Where the application would read on, in pieces without a stated size, the connection ends."""

    class Small(Hasty):
        max_body = 1000

    with hasty_server(Small) as (url, key), connect(url) as connection:
        head = ingest_head(key, 0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
        connection.sendall(head + b"258\r\n" + b" " * 600 + b"\r\n")
        connection.sendall(b"258\r\n" + b" " * 600 + b"\r\n")
        assert read_all(connection).startswith(b"HTTP/1.1 413 ")


def test_a_slow_but_steady_body_is_taken() -> None:
    """A body that comes faster than the slowest line is waited for."""

    class Steady(Hasty):
        slowest = 1000

    body = b'{"conversations": []}' + b" " * 30_000
    with hasty_server(Steady) as (url, key), connect(url) as connection:
        connection.sendall(ingest_head(key, len(body)) + body[:-1])
        connection.settimeout(Steady.patience + 0.5)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(HANG)
        connection.sendall(body[-1:])
        assert connection.recv(4096).startswith(b"HTTP/1.1 201 ")


def test_the_patience_is_less_than_half_a_minute() -> None:
    """What is tested with little patience is in force with this much."""
    assert BoundedProtocol.patience <= 30
    assert BoundedProtocol.max_head < 100_000


def test_an_error_is_logged_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    """What uvicorn logs of an error names its kind and its place; the message may quote a conversation."""

    async def broken(scope: object, receive: object, send: object) -> None:
        del scope, receive, send
        raise ValueError(WORDS)

    listening = bind("127.0.0.1", 0)
    listener = Listener(broken, listening)
    listener.start()
    assert requests.get(url_of(listening), timeout=HANG).status_code == 500
    listener.stop()
    assert "in broken" in caplog.text
    assert "ValueError" in caplog.text
    assert WORDS not in caplog.text

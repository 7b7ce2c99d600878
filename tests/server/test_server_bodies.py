"""Bodies that are small as sent and large inside, and senders without a key, on a server as people run it."""

from __future__ import annotations

import gzip
import socket
import tracemalloc
import zlib
from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from agentsight_otel.server.run import Service, serve

MB = 1 << 20


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """Run what `agentsight-otel serve` runs; `LocalServer` reads every body first, to record it."""
    running = serve(port=0)
    running.start()
    yield running
    running.stop()


@cache
def bomb(inflated: int) -> bytes:
    """Return gzip of so many zeros."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [packer.compress(bytes(MB)) for _ in range(inflated // MB)]
    return b"".join([*parts, packer.flush()])


BOMBS: list[Any] = [
    pytest.param(lambda: bomb(400 * MB), 413, id="one member"),
    pytest.param(lambda: bomb(100 * MB) * 4, 413, id="four members"),
    pytest.param(lambda: iter([bomb(400 * MB)[:1000], bomb(400 * MB)[1000:]]), 413, id="chunked"),
    pytest.param(lambda: gzip.compress(bomb(400 * MB)), 400, id="gzip within gzip"),
]


@pytest.mark.parametrize("path", ["/api/ingest/", "/api/attachments/"])
@pytest.mark.parametrize(("made", "status"), BOMBS)
def test_a_bomb_costs_little_memory(service: Service, made: Any, status: int, path: str) -> None:
    """400 KB that inflate to 400 MB are refused for less than 32 MB of memory."""
    headers = {"Authorization": f"Api-Key {service.api_key}", "Content-Encoding": "gzip"}
    body = made()
    tracemalloc.start()
    try:
        answer = requests.post(service.url + path, data=body, headers=headers, timeout=60)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answer.status_code == status
    assert peak < 32 * MB


@pytest.mark.parametrize(
    ("path", "status"),
    [("/api/ingest/", 403), ("/api/attachments/", 401), ("/api/track/", 401), ("/v1/traces", 401)],
)
def test_without_a_key_no_body_is_waited_for(service: Service, path: str, status: int) -> None:
    """The refusal comes before a single byte of the body is sent."""
    parts = urlsplit(service.url)
    assert parts.hostname
    lines = [f"POST {path} HTTP/1.1", f"Host: {parts.netloc}", "Content-Length: 1000"]
    lines += ["Content-Type: application/json", "Content-Encoding: gzip", "", ""]
    with socket.create_connection((parts.hostname, parts.port or 0), timeout=25) as connection:
        connection.sendall("\r\n".join(lines).encode())
        assert connection.recv(4096).startswith(f"HTTP/1.1 {status} ".encode())

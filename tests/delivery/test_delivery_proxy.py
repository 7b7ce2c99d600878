from __future__ import annotations

import contextlib
import random
import select
import socket
import threading
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from delivery_helpers import INGEST, ingests, reset, texts, turns

from agentsight_otel.exporters.delivery import Delivery
from agentsight_otel.testing import LocalServer

Make = Callable[..., Delivery]


class CuttingProxy:
    """A TCP proxy that resets connections once so many bytes have gone one way.

    Attributes:
        url: Its address.
        cuts: Pairs of a direction, ``up`` or ``down``, and a number of bytes; one for each connection.
    """

    def __init__(self, target: str, cuts: list[tuple[str, int]]) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname or "", parts.port or 0)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(0.1)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.cuts = cuts
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def start(self) -> None:
        """Accept connections."""
        self._thread.start()

    def stop(self) -> None:
        """Accept no more, and end."""
        self._stop.set()
        self._thread.join(10)
        self._listening.close()

    def _serve(self) -> None:
        while not self._stop.is_set():
            try:
                client, _ = self._listening.accept()
            except TimeoutError:
                continue
            direction, left = self.cuts.pop() if self.cuts else ("never", 0)
            with client, socket.create_connection(self._target) as server, contextlib.suppress(OSError):
                self._pump(client, server, direction, left)

    def _pump(self, client: socket.socket, server: socket.socket, direction: str, left: int) -> None:
        while not self._stop.is_set():
            ready, _, _ = select.select([client, server], [], [], 0.1)
            for source in ready:
                way = "up" if source is client else "down"
                data = source.recv(4096)
                if way == direction:
                    data, left = data[:left], left - len(data)
                (server if source is client else client).sendall(data)
                if not data or (way == direction and left <= 0):
                    reset(client)
                    return


@contextlib.contextmanager
def cutting(target: str, cuts: list[tuple[str, int]]) -> Iterator[CuttingProxy]:
    """Run a proxy."""
    proxy = CuttingProxy(target, cuts)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()


def cut_everywhere(server: LocalServer, make_delivery: Make, count: int) -> None:
    """Cut connections at random bytes, both ways, and see that nothing is lost or doubled."""
    chance = random.Random(3)  # noqa: S311 -- the same each time
    cuts = [
        ("up", chance.randrange(0, 9000)) if n % 2 else ("down", chance.randrange(0, 250))
        for n in range(count)
    ]
    with cutting(server.url, cuts) as proxy:
        delivery = make_delivery(proxy.url, api_key=server.api_key, max_request_bytes=20_000)
        delivery.submit(turns(300))
        for _ in range(600):
            delivery.kick()
            if delivery.flush(0.2) and not proxy.cuts:
                break
            if not delivery.stats().waiting:
                delivery.submit(turns(20, first=delivery.stats().emitted))
        assert not proxy.cuts
        emitted = delivery.stats().emitted
        delivery.shutdown(1)
    stored = texts(server)
    assert sorted(stored) == sorted(f"message {n}" for n in range(emitted))


def test_connections_cut_at_any_byte(server: LocalServer, make_delivery: Make) -> None:
    """Connections reset at 60 byte offsets of requests and answers: nothing lost, nothing twice (D10)."""
    cut_everywhere(server, make_delivery, 60)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_connections_cut_at_five_hundred_bytes(server: LocalServer, make_delivery: Make) -> None:
    """As above, at 500 (D10)."""
    cut_everywhere(server, make_delivery, 500)


def test_commit_then_reset(server: LocalServer, make_delivery: Make) -> None:
    """A backend that commits and then resets has each message once, though it saw the request twice (D10)."""
    server.faults.reset("after", times=2, path=INGEST)
    assert make_delivery(server).submit(turns(200)).wait(30)
    assert len(ingests(server)) == 3
    keys = {request.headers["idempotency-key"] for request in ingests(server)}
    assert len(keys) == 1
    assert sorted(texts(server)) == sorted(f"message {n}" for n in range(200))

"""A way to the backend that is narrow: what does not get through in time is sent in smaller requests."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

from delivery_helpers import INGEST, texts, turns, wait_until

from agentsight_otel.exporters.delivery import Delivery
from agentsight_otel.testing import LocalServer

Make = Callable[..., Delivery]
SLICE = 32 * 1024


@contextlib.contextmanager
def narrow(port: int, *, pause: float, connected: threading.Event) -> Iterator[str]:
    """Forward connections to a port of this machine, ``SLICE`` bytes and a pause at a time."""
    stop = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SLICE)  # or all of it is on its way at once
    listening.settimeout(0.1)
    threads: list[threading.Thread] = []

    def forward(source: socket.socket, target: socket.socket, wait: float) -> None:
        with contextlib.suppress(OSError), source, target:
            while (data := source.recv(SLICE)) and not stop.is_set():
                target.sendall(data)
                time.sleep(wait)

    def serve() -> None:
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                client, _ = listening.accept()
                connected.set()
                server = socket.create_connection(("127.0.0.1", port))
                client.settimeout(10)
                server.settimeout(10)
                for ends in ((client, server, pause), (server, client, 0.0)):
                    threads.append(threading.Thread(target=forward, args=ends, daemon=True))
                    threads[-1].start()

    accepting = threading.Thread(target=serve, daemon=True)
    accepting.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        stop.set()
        for thread in (accepting, *threads):
            thread.join(20)
        listening.close()


def test_a_conversation_that_does_not_get_through_in_time(server: LocalServer, make_delivery: Make) -> None:
    """It is sent in halves, not as a whole again and again; the limit counts while sending, too."""
    with narrow(server._port, pause=0.006, connected=threading.Event()) as url:
        delivery = make_delivery(url, api_key=server.api_key, timeout=0.9, max_request_bytes=20_000_000)
        server.faults.respond(503, times=1, retry_after=3, path=INGEST)
        delivery.submit(turns(1, conversations=1))
        wait_until(lambda: delivery.stats().failures == 1)
        delivery.submit(turns(12, conversations=1, size=1_000_000, first=1))
        assert delivery.flush(40).ok
        assert delivery.stats().failures >= 4
        assert len(texts(server, 1)) == 13


def test_a_shutdown_while_a_request_is_being_sent(server: LocalServer, make_delivery: Make) -> None:
    """What is stuck half way does not keep the thread."""
    connected = threading.Event()
    with narrow(server._port, pause=0.5, connected=connected) as url:
        delivery = make_delivery(url, api_key=server.api_key, timeout=60.0)
        delivery.submit(turns(12, conversations=1, size=1_000_000))
        assert connected.wait(30)
        time.sleep(0.2)
        delivery.shutdown(0)
        assert "agentsight-otel-sender" not in {thread.name for thread in threading.enumerate()}

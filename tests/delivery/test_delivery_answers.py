from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from delivery_helpers import (
    INGEST,
    ingests,
    raw_server,
    read_request,
    reset,
    texts,
    transcript,
    turn,
    turns,
    wait_until,
)

from agentsight_otel.exporters.delivery import Delivery
from agentsight_otel.testing import LocalServer

Make = Callable[..., Delivery]
HOLD = 30.0
PASSING = {408, 409, 423, 424, 425, 429}
REFUSING = {400, 413, 422}


def expected(status: int) -> str:
    """Return the class that docs/delivery.md promises."""
    if status in PASSING or status >= 500:
        return "retry"
    return "dead" if status in REFUSING else "park"


@pytest.mark.parametrize("hundred", [300, 400, 500])
def test_every_status_has_its_class(server: LocalServer, make_delivery: Make, hundred: int) -> None:
    """Each of 300 to 599 is tried again, parked or refused as documented; the kept ones arrive (D4)."""
    delivery = make_delivery(server)
    for status in range(hundred, hundred + 100):
        server.faults.respond(status, times=1, path=INGEST)
        before = delivery.stats()
        ticket = delivery.submit([turn(status)])
        done = ticket.wait(HOLD)
        kind = expected(status)
        assert done is (kind != "park"), status
        assert delivery.stats().parked == (f"HTTP {status}" if kind == "park" else None)
        if kind == "park":
            assert delivery.flush(HOLD), status
            assert ticket.wait(HOLD), status
        assert ticket.state == ("dead" if kind == "dead" else "delivered"), status
        after = delivery.stats()
        assert after.requests - before.requests == (1 if kind == "dead" else 2), status
        assert after.balanced
    kept = [status for status in range(hundred, hundred + 100) if expected(status) != "dead"]
    assert [m["content"] for m in transcript(server, "c1")] == [f"message {status}" for status in kept]
    assert delivery.stats().dead == 100 - len(kept)


@contextlib.contextmanager
def black_hole() -> Iterator[tuple[str, Callable[[], None]]]:
    """Listen with a full queue and never accept; yields a URL, and what to call for it to end."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=0)
    fillers: list[socket.socket] = []
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(listening.getsockname())
        fillers.append(filler)
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def serve() -> None:
        listening.settimeout(0.1)
        while not stop.is_set():
            with contextlib.suppress(OSError):
                connection, _ = listening.accept()
                with connection:
                    connection.settimeout(1)
                    if connection.recv(65536):
                        connection.sendall(
                            b"HTTP/1.1 201 C\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
                        )

    def end() -> None:
        for filler in fillers:
            filler.close()
        threads.append(threading.Thread(target=serve, daemon=True))
        threads[0].start()

    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", end
    finally:
        stop.set()
        for thread in threads:
            thread.join(5)
        for filler in fillers:
            filler.close()
        listening.close()


def test_a_black_hole_is_a_timeout(make_delivery: Make) -> None:
    """Where packets vanish the request ends at its limit, everything is kept, and it arrives later (D4)."""
    with black_hole() as (url, end):
        delivery = make_delivery(url, timeout=0.5)
        ticket = delivery.submit([turn(1), turn(2)])
        wait_until(lambda: ticket.attempted)
        assert ticket.error is not None
        assert "timeout" in ticket.error
        assert (ticket.state, delivery.stats().waiting) == ("waiting", 2)
        end()
        assert ticket.wait(HOLD)
        delivery.shutdown(1)


def test_a_reset_in_the_middle_of_the_body(make_delivery: Make) -> None:
    """A server that cuts the connection while the body is still coming gets the whole again (D4)."""
    listening = socket.create_server(("127.0.0.1", 0))
    whole: list[bytes] = []

    def serve() -> None:
        for number in range(3):
            connection, _ = listening.accept()
            with connection:
                connection.settimeout(5)
                if number < 2:
                    connection.recv(20_000)
                    reset(connection)
                    continue
                whole.append(read_request(connection))
                connection.sendall(b"HTTP/1.1 201 C\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    delivery = make_delivery(f"http://127.0.0.1:{listening.getsockname()[1]}")
    ticket = delivery.submit(turns(300, size=5000))
    assert ticket.wait(HOLD)
    delivery.shutdown(1)
    thread.join(5)
    listening.close()
    assert delivery.stats().failures == 2
    assert sum(data.count(b'"span_id"') for data in whole) == 300


def test_a_slow_reader_cannot_hold_the_sender(server: LocalServer, make_delivery: Make) -> None:
    """A server that reads one byte at a time is given up at the limit; calls go on meanwhile (D22)."""
    stop = threading.Event()
    connections: list[int] = []
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(0.1)

    def serve() -> None:
        while not stop.is_set():
            with contextlib.suppress(OSError):
                connection, _ = listening.accept()
                connections.append(1)
                with connection:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
                    connection.settimeout(1)
                    while not stop.wait(0.05) and connection.recv(1):
                        pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    delivery = make_delivery(f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=0.5)
    delivery.submit(turns(400, size=20_000))
    wait_until(lambda: len(connections) > 0)
    for number in range(400, 1400):
        delivery.submit([turn(number)])
    assert delivery.stats().waiting == 1400
    wait_until(lambda: delivery.stats().failures >= 2)
    delivery.shutdown(0.1)
    stop.set()
    thread.join(5)
    listening.close()
    heir = make_delivery(server)
    assert heir.submit([turn(5000)]).wait(HOLD)


@pytest.mark.parametrize("speed", ["head", "body"])
def test_a_slow_answer_ends_at_the_limit(make_delivery: Make, speed: str) -> None:
    """A byte a moment, in the head or the body: the calls go on, and the request ends (D22)."""
    began: list[int] = []
    answered = threading.Event()

    def answer(connection: socket.socket, _: bytes) -> None:
        began.append(1)
        if len(began) > 1:
            connection.sendall(b"HTTP/1.1 201 C\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        if speed == "body":
            connection.sendall(b"HTTP/1.1 503 U\r\nContent-Length: 100000\r\n\r\n")
        for byte in b"HTTP/1.1 503 U\r\n" * 100:
            connection.sendall(bytes([byte]))
            if answered.wait(0.02):
                return

    with raw_server(answer) as url:
        delivery = make_delivery(url, timeout=0.5)
        first = delivery.submit([turn(0)])
        wait_until(lambda: began != [])
        for number in range(1, 1000):
            delivery.submit([turn(number)])
        assert first.wait(HOLD)
        assert delivery.flush(HOLD)
        answered.set()
        assert delivery.stats().delivered == 1000
        delivery.shutdown(1)


@pytest.mark.parametrize("limit", [100_000, 10_000])
@pytest.mark.soak
def test_a_thousand_turns_under_a_small_limit(server: LocalServer, make_delivery: Make, limit: int) -> None:
    """1000 turns of 2 KB under a 413 limit all arrive (D8)."""
    server.faults.limit_body(limit, path=INGEST)
    delivery = make_delivery(server)
    assert delivery.submit(turns(1000, size=2000)).wait(120)
    assert delivery.stats().delivered == len(texts(server)) == 1000


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_a_text_of_twenty_megabytes_and_a_hundred_thousand_messages(
    server: LocalServer, make_delivery: Make
) -> None:
    """A text of 20 MB arrives to the last byte, and 100,000 messages of one conversation in order (D9)."""
    delivery = make_delivery(server)
    assert delivery.submit([turn(0, "big", "z" * 20_000_000)]).wait(120)
    for first in range(1, 100_001, 1000):  # 0 names the span above
        delivery.submit([turn(n, "long") for n in range(first, first + 1000)])
    assert delivery.flush(500)
    sent = [s["span_id"] for p in server.payloads()[1:] for b in p["conversations"] for s in b["spans"]]
    assert sent == [turn(n).span_id for n in range(1, 100_001)]
    assert delivery.stats().delivered == 100_001
    assert len(ingests(server)[0].body) > 20_000_000

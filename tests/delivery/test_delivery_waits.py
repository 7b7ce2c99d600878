from __future__ import annotations

import asyncio
import heapq
import logging
import socket
import threading
import time
from collections.abc import Callable
from email.utils import formatdate

import pytest
from delivery_helpers import INGEST, ingests, raw_server, texts, turn, turns, wait_until
from fast_clock import LONGEST, FastClock, seeded

from agentsight_otel import ConversationTracker
from agentsight_otel.encoding import decode_json
from agentsight_otel.exporters.delivery import Delivery
from agentsight_otel.retry import Backoff
from agentsight_otel.testing import LocalServer

Make = Callable[..., Delivery]


def ready(delivery: Delivery) -> None:
    """Wait until the sender has tried once."""
    wait_until(lambda: delivery.stats().requests > 0)


def _in_half_a_minute() -> str:
    return formatdate(time.time() + 30, usegmt=True)


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ("3", 3.0, 3.3),
        ("2.5", 2.5, 2.75),
        ("120", 120.0, 132.0),
        ("1000000000", 300.0, 330.0),
        ("a date", 27.0, 33.0),
        ("-1", 0.0, 0.5),
        ("NaN", 0.0, 0.5),
        ("soon", 0.0, 0.5),
    ],
)
def test_the_next_request_comes_when_the_server_asked_for_it(
    make_delivery: Make, header: str, least: float, most: float
) -> None:
    """Retry-After in every form: never early, a tenth late at most, cut at 300 s; else ignored (D5)."""
    clock = FastClock()
    seen: list[float] = []

    def answer(connection: socket.socket, _: bytes) -> None:
        seen.append(clock.now())
        value = _in_half_a_minute() if header == "a date" else header
        status = b"429 T" if len(seen) == 1 else b"201 C"
        asked = b"Retry-After: " + value.encode() + b"\r\n" if len(seen) == 1 else b""
        connection.sendall(
            b"HTTP/1.1 " + status + b"\r\n" + asked + b"Connection: close\r\nContent-Length: 0\r\n\r\n"
        )

    with raw_server(answer) as url:
        delivery = make_delivery(url, clock=clock, retry_policy=seeded())
        ticket = delivery.submit([turn(1)])
        ready(delivery)
        clock.run(400)
        assert ticket.wait(30)
    assert len(seen) == 2
    assert least <= seen[1] - seen[0] <= most


@pytest.mark.parametrize("status", [401, 402, 403])
def test_an_hour_with_a_refused_key(
    server: LocalServer, make_delivery: Make, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    """At most one probe in 30 s and one line in a minute while parked, and nothing is lost (D6)."""
    clock = FastClock()
    caplog.set_level(logging.INFO, "agentsight_otel")
    server.faults.respond(status, path=INGEST)
    delivery = make_delivery(server, clock=clock)
    for first in range(0, 1000, 100):
        delivery.submit(turns(100, first=first))
        ready(delivery)
        clock.run(360)
    assert delivery.stats().parked == f"HTTP {status}"
    assert 100 <= len(ingests(server)) <= 121
    assert 30 <= len([line for line in caplog.records if "refuses" in line.message]) <= 61
    server.faults.clear()
    clock.run(60)
    wait_until(lambda: delivery.stats().waiting == 0)
    assert len(texts(server)) == delivery.stats().delivered == 1000


JUMPS = {"a day on": 86400, "a day back": -86400, "ten years on": 315360000, "ten years back": -315360000}


def attempts_with_a_jump(
    make_delivery: Make, monkeypatch: pytest.MonkeyPatch, jump: int
) -> tuple[list[float], list[str]]:
    """Fail for ten minutes and move the wall clock after the first; return the attempts and what arrived."""
    clock = FastClock()
    seen: list[float] = []
    arrived: list[str] = []
    failing = threading.Event()
    failing.set()
    wall, wall_ns = time.time, time.time_ns

    def answer(connection: socket.socket, request: bytes) -> None:
        seen.append(round(clock.now(), 3))
        if request.startswith(b"POST") and not failing.is_set():
            for block in decode_json(request.partition(b"\r\n\r\n")[2])["conversations"]:
                arrived.extend(span["span_id"] for span in block["spans"])
        status = b"503 U" if failing.is_set() else b"201 C"
        connection.sendall(b"HTTP/1.1 " + status + b"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")

    with raw_server(answer) as url, monkeypatch.context() as patch:
        delivery = make_delivery(url, clock=clock, retry_policy=seeded())
        delivery.submit(turns(50, conversations=1))
        ready(delivery)
        delivery.submit(turns(50, conversations=1, first=50))
        clock.run(60)
        patch.setattr(time, "time", lambda: wall() + jump)
        patch.setattr(time, "time_ns", lambda: wall_ns() + jump * 10**9)
        patch.setattr(delivery._journal, "_clock", lambda: wall() + jump)
        clock.run(270)
        delivery.submit(turns(50, conversations=1, first=100))
        clock.run(270)
        failing.clear()
        clock.run(2 * LONGEST)
        wait_until(lambda: delivery.stats().waiting == 0)
        assert delivery.stats().delivered == 150
        delivery.shutdown(1)
    return seen, arrived


@pytest.mark.parametrize("jump", list(JUMPS))
def test_the_wall_clock_does_not_matter(
    make_delivery: Make, monkeypatch: pytest.MonkeyPatch, jump: str
) -> None:
    """A wall clock that jumps during backoff changes no attempt's moment and no order (D16)."""
    plain, _ = attempts_with_a_jump(make_delivery, monkeypatch, 0)
    moved, arrived = attempts_with_a_jump(make_delivery, monkeypatch, JUMPS[jump])
    assert moved == plain
    assert arrived == [turn(n).span_id for n in range(150)]


def arrivals(clients: int, outage: float, end: float, seed: int) -> list[float]:
    """Let clients that all fail at the same moment retry as `Backoff` says; return when requests come."""
    policy = seeded(seed)
    due = [(0.0, number, Backoff(policy)) for number in range(clients)]
    heapq.heapify(due)
    found: list[float] = []
    while due and due[0][0] < end:
        now, number, backoff = heapq.heappop(due)
        found.append(now)
        if now < outage:
            heapq.heappush(due, (now + backoff.failed(now), number, backoff))
    return found


@pytest.mark.parametrize("seed", range(10))
def test_a_hundred_clients_do_not_come_back_together(seed: int) -> None:
    """During an outage and after it no ten seconds see twice the mean of requests from 100 clients (D23)."""
    found = [when for when in arrivals(100, 600.0, 630.0, seed) if when >= 300]
    buckets = [0] * 33
    for when in found:
        buckets[int((when - 300) // 10)] += 1
    assert len(found) > 800
    assert max(buckets) <= 2 * sum(buckets) / len(buckets)


@pytest.mark.parametrize("earlier", [0, 1], ids=["the first", "a later one"])
def test_a_parked_destination_keeps_no_event_loop_waiting(server: LocalServer, earlier: int) -> None:
    """Who sends from an event loop hears at once, too, what time alone does not mend, be it no key."""
    server.faults.respond(
        404, path=INGEST
    )  # as of a certificate that is refused: there is no status of a key
    tracker = ConversationTracker(
        api_key=server.api_key, endpoint=server.url, conversation_id="c", send_timeout=600
    )
    for _ in range(earlier + 1):
        tracker.track_human_message("hello")
        report = asyncio.run(tracker.send_tracked_data_async())
    assert (report["delivered"], report["queued"]) == (False, earlier + 1)
    assert {item["error"] for item in report["items"]} == {"queued: HTTP 404"}


def test_what_comes_during_an_outage_is_told_of_it(server: LocalServer) -> None:
    """A send that is not attempted in its time says what the last attempt of anybody met."""
    server.faults.respond(503, path=INGEST, retry_after=300)
    settings = {"api_key": server.api_key, "endpoint": server.url, "send_timeout": 0.5}
    for name in ("first", "second"):
        tracker = ConversationTracker(conversation_id=name, **settings)
        tracker.track_human_message("hello")
        report = tracker.send_tracked_data()
        assert report["items"][0]["error"] == "queued: HTTP 503", name
    assert len(ingests(server)) == 1

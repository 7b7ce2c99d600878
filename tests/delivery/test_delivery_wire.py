from __future__ import annotations

import random
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from delivery_helpers import INGEST, get, ingests, texts, transcript, turn, turns, wait_until
from fault_proxy import Direction, FaultProxy

from agentsight_otel.exporters.delivery import Delivery
from agentsight_otel.testing import LocalServer
from agentsight_otel.translation.block import Upload
from agentsight_otel.translation.span_data import SpanData

Make = Callable[..., Delivery]
HOLD = 30.0


def cut_often(server: LocalServer, make_delivery: Make, cuts: int, seed: int) -> None:
    """Send small and large requests, with and without an attachment, until so many were cut somewhere."""
    chance = random.Random(seed)  # noqa: S311 -- the same offsets each time
    port = urlsplit(server.url).port
    assert port is not None
    expected: list[str] = []
    files: list[str] = []
    with FaultProxy(port) as proxy:
        delivery = make_delivery(proxy.url, api_key=server.api_key)
        for number in range(3 * cuts):
            many = 1 if number % 3 else 40
            spans = turns(many, first=len(expected))
            expected += [f"message {n}" for n in range(len(expected), len(expected) + many)]
            uploads = [attachment(number, spans[0])] if number % 5 == 0 else []
            files += [upload.filename for upload in uploads]
            direction: Direction = "up" if number % 2 else "down"
            proxy.cut(direction, chance.randrange(400 + 350 * many if direction == "up" else 600))
            assert delivery.submit(spans, uploads).wait(HOLD), number
            if proxy.cuts == cuts:
                break
        proxy.disarm()
        assert delivery.flush(HOLD)
        assert proxy.cuts == cuts
        assert delivery.stats().delivered == len(expected) + len(files)
        delivery.shutdown(1)
    assert sorted(texts(server)) == sorted(expected)
    stored = [a["filename"] for n in range(10) for m in transcript(server, f"c{n}") for a in m["attachments"]]
    assert sorted(stored) == sorted(files)


def attachment(number: int, span: SpanData) -> Upload:
    """Make the attachment of a turn's message."""
    conversation = str(span.attributes["agentsight.conversation.id"])
    data = b"x" * 500
    name = f"{number}.txt"
    return Upload(f"u{number}", conversation, name, "text/plain", data, span.start_ns, on_message=True)


def test_connections_cut_at_any_byte(server: LocalServer, make_delivery: Make) -> None:
    """Requests and answers cut at 40 random bytes in both directions: 0 lost, 0 rows twice (D10)."""
    cut_often(server, make_delivery, 40, seed=1)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_connections_cut_at_five_hundred_bytes(server: LocalServer, make_delivery: Make) -> None:
    """As above, 500 times (D10)."""
    cut_often(server, make_delivery, 500, seed=2)


def test_a_reset_after_the_commit_makes_no_second_row(server: LocalServer, make_delivery: Make) -> None:
    """1000 turns are stored and the connection is cut instead of an answer: sent again, stored once (D10)."""
    server.faults.reset("after", times=3, path=INGEST)
    server.faults.truncate(times=1, path=INGEST)
    server.faults.reset("after", times=2, path="/api/attachments/")
    delivery = make_delivery(server)
    upload = Upload("u1", "c0", "a.txt", "text/plain", b"bytes", turn(0).start_ns, on_message=True)
    assert delivery.submit(turns(1000), [upload]).wait(60)
    wait_until(lambda: delivery.stats().waiting == 0)
    assert [request.status for request in ingests(server)][:3] == [None] * 3
    assert sorted(texts(server)) == sorted(f"message {n}" for n in range(1000))
    assert [a["filename"] for a in transcript(server, "c0")[0]["attachments"]] == ["a.txt"]
    assert get(server, "/api/conversations/")["count"] == 10
    assert delivery.stats().delivered == 1001

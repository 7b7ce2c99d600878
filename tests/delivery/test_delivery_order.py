from __future__ import annotations

import itertools
import threading
from collections.abc import Callable

import pytest
from delivery_helpers import INGEST, turn, wait_until

from agentsight_otel.exporters.delivery import Delivery
from agentsight_otel.testing import LocalServer

Make = Callable[..., Delivery]
THREADS = 8


def trouble(server: LocalServer, stop: threading.Event) -> None:
    """Let the backend fail in another way every fifth of a second."""
    faults = server.faults
    kinds: list[Callable[[], object]] = [
        lambda: faults.respond(503, times=2, path=INGEST),
        lambda: faults.reset("before", times=1, path=INGEST),
        lambda: faults.reset("after", times=1, path=INGEST),
        lambda: faults.limit_body(30_000, times=3, path=INGEST),
        lambda: faults.truncate(times=1, path=INGEST),
    ]
    for kind in itertools.cycle(kinds):
        if stop.wait(0.2):
            break
        faults.clear()
        kind()
    faults.clear()


def record_through_faults(server: LocalServer, make_delivery: Make, total: int) -> None:
    """Record from eight threads, each in three conversations, while the backend fails in every way."""
    delivery = make_delivery(server, max_request_bytes=60_000, timeout=2.0)
    each = total // THREADS
    stop = threading.Event()

    def work(thread: int) -> None:
        for n in range(each):
            delivery.submit([turn(thread * each + n, f"t{thread}-{n % 3}")])

    threads = [threading.Thread(target=work, args=(n,)) for n in range(THREADS)]
    troubling = threading.Thread(target=trouble, args=(server, stop))
    for thread in (troubling, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    wait_until(lambda: delivery.stats().waiting < total // 20, 600)
    stop.set()
    troubling.join()
    assert delivery.flush(120)
    assert delivery.stats().delivered == each * THREADS
    arrived: dict[str, list[str]] = {}
    for payload in server.payloads():
        for block in payload["conversations"]:
            ids = [span["span_id"] for span in block["spans"]]
            arrived.setdefault(block["conversation_id"], []).extend(ids)
    assert len(arrived) == 3 * THREADS
    assert inversions(arrived) == 0
    assert sum(len(set(ids)) for ids in arrived.values()) == each * THREADS


def inversions(arrived: dict[str, list[str]]) -> int:
    """Count the spans that arrived for the first time after a later one of their conversation."""
    found = 0
    for ids in arrived.values():
        seen: set[str] = set()
        last = ""
        for span_id in ids:
            if span_id not in seen:
                found += span_id < last
                seen.add(span_id)
                last = max(last, span_id)
    return found


def test_order_through_every_fault(server: LocalServer, make_delivery: Make) -> None:
    """10,000 turns from 8 threads through failures, resets and splits: no inversion in any (D20)."""
    record_through_faults(server, make_delivery, 10_000)


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_order_through_every_fault_at_length(server: LocalServer, make_delivery: Make) -> None:
    """As above, 100,000 turns (D20)."""
    record_through_faults(server, make_delivery, 100_000)

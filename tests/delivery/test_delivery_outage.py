from __future__ import annotations

from collections.abc import Callable

import pytest
from delivery_helpers import INGEST, texts, turns, wait_until
from fast_clock import LONGEST, FastClock, seeded

from agentsight_otel.exporters.delivery import Delivery
from agentsight_otel.testing import LocalServer

Make = Callable[..., Delivery]


def ready(delivery: Delivery) -> None:
    """Wait until the sender has tried once."""
    wait_until(lambda: delivery.stats().requests > 0)


@pytest.mark.parametrize("seconds", [30, 600, pytest.param(72 * 3600, marks=pytest.mark.timeout(300))])
def test_an_outage_of_any_length_loses_nothing(
    server: LocalServer, make_delivery: Make, seconds: int
) -> None:
    """What is recorded before and during 30 s, 10 min or 72 h without a backend arrives afterwards (D3)."""
    if seconds > 3600:
        server.stop()
    else:
        server.faults.respond(503, path=INGEST)
    clock = FastClock()
    delivery = make_delivery(server, clock=clock, retry_policy=seeded())
    for first in range(0, 1000, 100):
        delivery.submit(turns(100, first=first))
        ready(delivery)
        clock.run(seconds / 10)
    assert delivery.stats().waiting == 1000
    assert seconds / LONGEST <= delivery.stats().requests <= 30 + seconds / (LONGEST / 4)
    if seconds > 3600:
        server.start()
    server.faults.clear()
    clock.run(2 * LONGEST)
    wait_until(lambda: delivery.stats().waiting == 0)
    assert delivery.stats().delivered == 1000
    assert sorted(texts(server)) == sorted(f"message {n}" for n in range(1000))

"""The delivery fixture, and the rule that the counts agree after every test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from delivery_helpers import KEY

from agentsight_otel.config import Config
from agentsight_otel.exporters.clock import CLOCK, Clock
from agentsight_otel.exporters.delivery import Delivery
from agentsight_otel.retry import RetryPolicy
from agentsight_otel.testing import LocalServer

Make = Callable[..., Delivery]


@pytest.fixture(autouse=True)
def every_account_balances(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Check the counts of every delivery that a test made in this process, in whatever way (D19)."""
    made: list[Delivery] = []
    begin = Delivery.__init__

    def remember(delivery: Delivery, *arguments: Any, **named: Any) -> None:
        begin(delivery, *arguments, **named)
        made.append(delivery)

    monkeypatch.setattr(Delivery, "__init__", remember)
    yield
    for delivery in made:
        assert delivery.stats().balanced, delivery.stats()


@pytest.fixture
def make_delivery(every_account_balances: None) -> Iterator[Make]:
    """Make deliveries and end them; before and after that their counts must agree."""
    del every_account_balances
    made: list[Delivery] = []

    def make(
        endpoint: LocalServer | str,
        *,
        key_callback: Any = None,
        probe_interval: float = 30.0,
        mask: Any = None,
        meter_provider: Any = None,
        retry_policy: RetryPolicy | None = None,
        clock: Clock = CLOCK,
        **settings: Any,
    ) -> Delivery:
        if isinstance(endpoint, LocalServer):
            settings = {"api_key": endpoint.api_key, "endpoint": endpoint.url, **settings}
        else:
            settings = {"api_key": KEY, "endpoint": endpoint, **settings}
        delivery = Delivery(
            Config.resolve(**settings),
            mask=mask,
            meter_provider=meter_provider,
            key_callback=key_callback,
            probe_interval=probe_interval,
            retry_policy=retry_policy or RetryPolicy(first=0.05, longest=0.2),
            clock=clock,
        )
        made.append(delivery)
        return delivery

    yield make
    for delivery in made:
        assert delivery.stats().balanced, delivery.stats()
        delivery.shutdown(0.1)
        assert delivery.stats().balanced, delivery.stats()

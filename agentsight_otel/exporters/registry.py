"""The deliveries of this process, one for each destination."""

from __future__ import annotations

import os

from opentelemetry.metrics import MeterProvider

from agentsight_otel.config import Config
from agentsight_otel.exporters.delivery import Delivery, Mask
from agentsight_otel.exporters.keys import KeyCallback
from agentsight_otel.forking import SETUP
from agentsight_otel.guard import guarded


class Registry:
    """The deliveries of this process."""

    def __init__(self) -> None:
        self._deliveries: dict[tuple[str, str], Delivery] = {}
        self._hooked = False

    def get(
        self,
        config: Config,
        *,
        mask: Mask | None = None,
        meter_provider: MeterProvider | None = None,
        key_callback: KeyCallback | None = None,
    ) -> Delivery:
        """Return the delivery of a destination, one for each endpoint and key in a process.

        The first call decides the other settings; masks add up, for a text that one caller wants masked must
        not leave because another came first.

        Raises:
            NoApiKeyException: The config has no key.
        """
        name = (config.endpoint, config.require_api_key())
        delivery = self._deliveries.get(name)
        if delivery is not None and mask is None:
            return delivery
        with SETUP:
            delivery = self._deliveries.get(name)
            if delivery is None:
                self._hook()
                delivery = Delivery(
                    config, mask=mask, meter_provider=meter_provider, key_callback=key_callback
                )
                self._deliveries[name] = delivery
                delivery.start()
            delivery.require_mask(mask)
            return delivery

    def opened(self) -> dict[tuple[str, str], Delivery]:
        """Return every delivery so far, by endpoint and key."""
        return self._deliveries.copy()

    def _hook(self) -> None:
        if not self._hooked and hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._after_fork)
        self._hooked = True

    @guarded(None)
    def _after_fork(self) -> None:
        for delivery in self._deliveries.values():
            delivery.after_fork()


REGISTRY = Registry()
delivery_for = REGISTRY.get

"""The gateway: OTLP requests become submissions to the delivery of their key."""

from __future__ import annotations

import hmac
import threading
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from anyio import to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from agentsight_otel.config import Config
from agentsight_otel.enums import Durability
from agentsight_otel.exporters.agentsight import NOT_RELEVANT
from agentsight_otel.exporters.delivery import Delivery, Stats
from agentsight_otel.exporters.registry import delivery_for
from agentsight_otel.gateway.answers import RETRY_AFTER, Encoding, Refused, refusal
from agentsight_otel.gateway.bodies import Limits
from agentsight_otel.gateway.metrics import CONTENT_TYPE, render
from agentsight_otel.gateway.routes import Batch, Counts, encoding_of, otlp_routes

MAX_KEYS = 100
"""Keys one gateway serves at once; each has a journal and a sender thread of its own."""
FULL = 0.9
"""Share of the journal's budget from which the sender keeps the data: at the budget the oldest would go."""
MAX_WAITING = 200_000
"""Records of one key that may wait for AgentSight; each costs memory beside its place on disk."""


class Gateway:
    """Accepts batches for any number of keys, or for its own only.

    Args:
        config: Settings of the deliveries. With an ``api_key`` only that key is served, and those of *keys*;
            without any, every key in AgentSight's form is, and each is used to deliver what came with it.
        keys: More keys to serve.
        max_keys: Keys served at once.
        max_waiting: Records of one key that may wait.
    """

    def __init__(
        self,
        config: Config,
        *,
        keys: Iterable[str] = (),
        max_keys: int = MAX_KEYS,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        self.config = config
        self.keys = frozenset(keys) | ({config.api_key} if config.api_key else set())
        self._max_keys = max(max_keys, len(self.keys))
        self._max_waiting = max_waiting
        self.counts = Counts()
        self.closing = False
        self._lock = threading.Lock()
        self._deliveries: dict[str, Delivery] = {}

    async def authenticate(self, key: str) -> str:
        """Return the key if it is served; whether AgentSight takes it shows when it is used."""
        if self.closing:
            raise Refused(503, "the gateway is shutting down", retry_after=RETRY_AFTER)
        if self.keys and not any(hmac.compare_digest(served, key) for served in self.keys):
            raise Refused(401, "this gateway serves other keys")
        delivery = self._deliveries.get(key)
        if delivery is not None:
            # Reading and decoding what cannot be kept would take the time that delivering the rest needs.
            self._require_place(delivery)
        return key

    def accept(self, key: str, batch: Batch) -> None:
        """Journal a batch for delivery; raises Refused with 503 when it would not be durable."""
        delivery = self._delivery(key)
        self._require_place(delivery)
        if batch.logs:
            delivery.submit_logs(batch.logs)
        if batch.spans:
            delivery.submit(batch.spans)
        if batch.left_out:
            delivery.filtered(NOT_RELEVANT, len(batch.left_out))
            delivery.go_without(batch.left_out)
        self._require_durable(delivery)

    def stats(self) -> Stats:
        """Add up what became of everything accepted."""
        with self._lock:
            deliveries = list(self._deliveries.values())
        return Stats.total(delivery.stats() for delivery in deliveries)

    def shutdown(self) -> None:
        """Deliver what can be delivered in the configured time; the rest waits in the journal."""
        self.closing = True
        with self._lock:
            deliveries = list(self._deliveries.values())
        deadline = time.monotonic() + self.config.shutdown_timeout
        for delivery in deliveries:
            delivery.shutdown(max(0.0, deadline - time.monotonic()))

    def open(self, *keys: str) -> None:
        """Begin with what an earlier process left in the journals of these keys and the gateway's own."""
        for key in {*self.keys, *keys}:
            self._delivery(key)

    def _delivery(self, key: str) -> Delivery:
        with self._lock:
            delivery = self._deliveries.get(key)
            if delivery is None:
                if len(self._deliveries) >= self._max_keys:
                    raise Refused(503, f"the gateway serves {self._max_keys} keys already", retry_after=60)
                delivery = self._deliveries[key] = delivery_for(self.config.replace(api_key=key))
            return delivery

    def _require_durable(self, delivery: Delivery) -> None:
        if not delivery.durable and self.config.durability is not Durability.MEMORY:
            raise Refused(503, "the journal cannot be written", retry_after=RETRY_AFTER)

    def _require_place(self, delivery: Delivery) -> None:
        self._require_durable(delivery)
        if delivery.journal_bytes > FULL * self.config.spool_max_bytes:
            raise Refused(503, "the journal is full", retry_after=RETRY_AFTER)
        if delivery.waiting > self._max_waiting:
            raise Refused(503, "too much waits for AgentSight", retry_after=RETRY_AFTER)


def gateway_app(gateway: Gateway, *, limits: Limits | None = None) -> Starlette:
    """Make the ASGI application: OTLP, ``/healthz``, ``/readyz`` and ``/metrics``."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await to_thread.run_sync(gateway.open)
        yield
        await to_thread.run_sync(gateway.shutdown)

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        return PlainTextResponse("closing\n", 503) if gateway.closing else PlainTextResponse("ready\n")

    async def metrics(_: Request) -> Response:
        stats = await to_thread.run_sync(gateway.stats)  # waits for locks that are held while a disk is slow
        return Response(render(gateway.counts, stats), headers={"Content-Type": CONTENT_TYPE})

    async def unknown_path(request: Request, _: Exception) -> Response:
        refused = Refused(404, "the paths are /v1/traces, /v1/logs and /v1/metrics")
        return refusal(encoding_of(request) or Encoding.JSON, refused)

    app = Starlette(
        routes=[
            *otlp_routes(
                gateway.authenticate,
                gateway.accept,
                every=gateway.config.export_all,
                limits=limits,
                counts=gateway.counts,
            ),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", metrics),
        ],
        exception_handlers={404: unknown_path},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # OpenTelemetry's exporters take a redirect for success
    return app

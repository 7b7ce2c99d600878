"""A receiver with our OTLP routes that keeps what it accepts, for tests of the routes alone."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
from otlp_requests import KEY
from starlette.applications import Starlette
from starlette.types import ASGIApp

from agentsight_otel.gateway.answers import Refused
from agentsight_otel.gateway.bodies import Limits
from agentsight_otel.gateway.routes import Batch, Counts, otlp_routes
from agentsight_otel.gateway.sockets import bind, url_of


class Receiver:
    """What a receiver got and how it should behave."""

    def __init__(self) -> None:
        self.url = ""
        self.batches: list[Batch] = []
        self.counts = Counts()
        self.on_accept: Callable[[], None] = lambda: None

    @property
    def spans(self) -> list[Any]:
        """Every span accepted."""
        return [span for batch in self.batches for span in batch.spans]

    async def authenticate(self, key: str) -> str:
        """Let one key in."""
        if key != KEY:
            raise Refused(403 if key.endswith("_000000") else 401, "not this key")
        return "agent"

    def accept(self, principal: str, batch: Batch) -> None:
        """Keep a batch."""
        assert principal == "agent"
        self.on_accept()
        self.batches.append(batch)


@contextlib.contextmanager
def run_app(app: ASGIApp) -> Iterator[str]:
    """Serve an application from a thread; gives its address."""
    config = uvicorn.Config(app, http="httptools", ws="none", log_config=None, access_log=False)
    listening = bind("127.0.0.1", 0)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.005)
    try:
        yield url_of(listening)
    finally:
        server.should_exit = True
        thread.join(15)
        listening.close()


@contextlib.contextmanager
def run_receiver(limits: Limits | None = None) -> Iterator[Receiver]:
    """Serve the OTLP routes."""
    receiver = Receiver()
    routes = otlp_routes(
        receiver.authenticate, receiver.accept, every=True, limits=limits, counts=receiver.counts
    )
    with run_app(Starlette(routes=routes)) as receiver.url:
        yield receiver

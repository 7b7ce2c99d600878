"""A uvicorn server on a socket of our own, in the caller's thread or in its own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

import uvicorn
from anyio import to_thread
from anyio.to_thread import current_default_thread_limiter
from starlette.types import ASGIApp

from agentsight_otel.gateway.logs import hide_error_texts
from agentsight_otel.gateway.protocol import BoundedProtocol

WORKERS = 8
"""Threads that answer requests; more would only wait for each other, each with memory of its own."""
STOP_TIMEOUT = 10.0
"""Seconds a stopping server waits for its thread."""


class _Announcing(uvicorn.Server):
    """Says when it is ready to answer, and when it stops: ``scope["state"]["stopping"]`` of a request."""

    def __init__(self, config: uvicorn.Config, before_stop: Callable[[], None] | None) -> None:
        super().__init__(config)
        self._before_stop = before_stop
        self.ready = threading.Event()
        self._stopping = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.lifespan.state["stopping"] = self._stopping
        current_default_thread_limiter().total_tokens = WORKERS
        await super().startup(sockets)
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stopping.set()  # open event streams end by themselves, and nobody has to wait for them
        try:
            if self._before_stop is not None:
                await to_thread.run_sync(self._before_stop)
        finally:
            await super().shutdown(sockets)


class Listener:
    """Serves an application on a bound socket.

    Args:
        app: The application.
        listening: The socket.
        before_stop: Called in a thread when the end was asked for, while requests are still answered.
        options: Of uvicorn.
    """

    def __init__(
        self,
        app: ASGIApp,
        listening: socket.socket,
        *,
        before_stop: Callable[[], None] | None = None,
        **options: Any,
    ) -> None:
        hide_error_texts()
        config = uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            loop="asyncio",
            timeout_graceful_shutdown=2,
            **{"http": BoundedProtocol, **options},
        )
        self._server = _Announcing(config, before_stop)
        self._socket = listening
        self._thread: threading.Thread | None = None

    def run(self) -> None:
        """Serve in this thread until interrupted."""
        self._server.run(sockets=[self._socket])

    def start(self, timeout: float = 30.0) -> None:
        """Serve in a thread of its own; returns when it answers.

        Raises:
            TimeoutError: It did not answer within *timeout* seconds.
        """
        self._thread = threading.Thread(target=self.run, name="agentsight-server", daemon=True)
        self._thread.start()
        if not self._server.ready.wait(timeout):
            raise TimeoutError("the server did not start")

    def stop(self) -> None:
        """Stop serving and close the socket."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(STOP_TIMEOUT)
            self._thread = None
        self._socket.close()

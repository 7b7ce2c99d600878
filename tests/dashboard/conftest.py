"""A real server with the dashboard on it, and ways to put data into its database."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from agentsight_otel.server.app import create_app
from agentsight_otel.server.dashboard import routes
from agentsight_otel.server.listener import Listener, bind, url_of
from agentsight_otel.server.store import Store
from agentsight_otel.server.store.keys import create_agent, create_key


class Dashboard:
    """A running dashboard.

    Attributes:
        url: Where it is.
        store: Its database.
        agent: Its first agent.
        key: An API key of that agent that may write.
    """

    def __init__(self, *, needs_login: bool) -> None:
        self.store = Store.open(":memory:")
        with self.store.write() as connection:
            self.agent = create_agent(connection, "local")
            self.key = create_key(connection, self.agent, "write")
        listening: socket.socket = bind("127.0.0.1", 0)
        self.url = url_of(listening)
        self.pages = f"{self.url}/agents/{self.agent}/"
        app = create_app(self.store, routes=routes(self.store, needs_login=needs_login))
        self._clients: list[httpx.Client] = []
        self.listener = Listener(app, listening)
        self.listener.start()

    def client(self, **options: Any) -> httpx.Client:
        """Return a client that is closed with the dashboard."""
        self._clients.append(httpx.Client(base_url=self.url, **options))
        return self._clients[-1]

    def close(self) -> None:
        """Stop serving."""
        for client in self._clients:
            client.close()
        self.listener.stop()
        self.store.close()


@pytest.fixture
def dashboard() -> Iterator[Dashboard]:
    """Run a dashboard where everybody is the owner."""
    running = Dashboard(needs_login=False)
    yield running
    running.close()


@pytest.fixture
def guarded_dashboard() -> Iterator[Dashboard]:
    """Run a dashboard that asks for a login."""
    running = Dashboard(needs_login=True)
    yield running
    running.close()

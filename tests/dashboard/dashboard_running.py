"""A real server with the dashboard on it."""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from dashboard_data import Talk, write
from local_ports import hold_port
from sqlalchemy import insert

from agentsight_otel.gateway.sockets import bind, url_of
from agentsight_otel.server.app import create_app
from agentsight_otel.server.clock import now_us
from agentsight_otel.server.dashboard import login_link, routes
from agentsight_otel.server.dashboard.access import DAY, digest, new_token
from agentsight_otel.server.dashboard.tables import shares
from agentsight_otel.server.listener import Listener
from agentsight_otel.server.store import Store
from agentsight_otel.server.store.keys import create_agent, create_key

PATIENCE = 60.0
"""Seconds an answer may take on a slow machine."""
KEPT_OPEN = 3600
"""Seconds until a connection is closed that nothing comes on: not in the moment of the next request."""


class Dashboard:
    """A running dashboard.

    Attributes:
        url: Where it is.
        store: Its database.
        pages: Where its first agent's pages are.
        port: The port of both.
        agent: Its first agent.
        key: An API key of that agent that may write.
        http: A client whose connection stays open.
    """

    def __init__(self, *, needs_login: bool, embed_origins: Sequence[str] = ()) -> None:
        self.store = Store.open(":memory:")
        with self.store.write() as connection:
            self.agent = create_agent(connection, "local")
            self.key = create_key(connection, self.agent, "write")
        self._options: dict[str, Any] = {"needs_login": needs_login, "embed_origins": embed_origins}
        self._clients: list[httpx.Client] = []
        self._held = hold_port()
        self.port = self._held.getsockname()[1]
        self.start()
        self.http = self.client()

    def start(self) -> None:
        """Serve; after the listener's `stop` it is the server started again."""
        listening: socket.socket = bind("127.0.0.1", self.port)
        self.url = url_of(listening)
        self.pages = f"{self.url}/agents/{self.agent}/"
        app = create_app(self.store, routes=routes(self.store, **self._options))
        self.listener = Listener(app, listening, timeout_keep_alive=KEPT_OPEN)
        self.listener.start()

    def client(self, **options: Any) -> httpx.Client:
        """Return a client that is closed with the dashboard."""
        self._clients.append(httpx.Client(base_url=self.url, **{"timeout": PATIENCE, **options}))
        return self._clients[-1]

    def share(self, conversation: int) -> str:
        """Return a link that shares a conversation for a day."""
        token = new_token()
        row = {"conversation": conversation, "created_at": now_us(), "expires_at": now_us() + DAY}
        with self.store.write() as connection:
            connection.execute(insert(shares).values(agent_id=self.agent, token_hash=digest(token), **row))
        return f"{self.url}/s/{token}"

    def close(self) -> None:
        """Stop serving."""
        for client in self._clients:
            client.close()
        self.listener.stop()
        self._held.close()
        self.store.close()


def fetch(address: str, method: str = "GET", **options: Any) -> httpx.Response:
    """Make one request on a connection of its own."""
    return httpx.request(method, address, timeout=PATIENCE, **options)


def form_of(session: httpx.Client, path: str, **fields: Any) -> dict[str, Any]:
    """Return the fields of a form with the page's token."""
    page = session.get(path).text
    token = re.search(r'name="csrf" value="([0-9a-f]+)"', page)
    assert token is not None
    return {"csrf": token.group(1), **fields}


def talk(dashboard: Dashboard, agent: int | None = None) -> int:
    """Write one conversation and return its key."""
    start = datetime.now(UTC) - timedelta(hours=2)
    said = [(start, "end_user"), (start + timedelta(seconds=2), "agent")]
    one = Talk(1, start, said=said, fields={"customer_id": "ann"}, text="secret words")
    return write(dashboard.store, agent or dashboard.agent, [one])["talk-1"]


def log_in(dashboard: Dashboard, link: str | None = None) -> httpx.Client:
    """Open a session with a login link and return its client."""
    client = dashboard.client()
    assert client.get(link or login_link(dashboard.store, dashboard.url)).status_code == 200
    return client


def shared(owner: httpx.Client, path: str, days: int = 7) -> str:
    """Make a share link and return it."""
    page = owner.post(path, data=form_of(owner, path, do="share", days=str(days))).text
    found = re.search(r'value="(http[^"]+/s/[^"]+)"', page)
    assert found is not None
    return found.group(1)

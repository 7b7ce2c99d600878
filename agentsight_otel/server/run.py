"""Running the local server: `serve` prepares it and says what to print, `Service.run` serves."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Sequence

from sqlalchemy import select

from agentsight_otel.config import API_KEY_PATTERN, LOOPBACK_HOSTS
from agentsight_otel.exceptions import ConfigurationException, InvalidApiKeyException
from agentsight_otel.gateway.sockets import bind, url_of
from agentsight_otel.server.app import LOOPBACK_NAMES, create_app
from agentsight_otel.server.dashboard import login_link
from agentsight_otel.server.dashboard import routes as dashboard_routes
from agentsight_otel.server.dashboard.embedding import frame_ancestors
from agentsight_otel.server.listener import Listener
from agentsight_otel.server.operating import open_store
from agentsight_otel.server.otlp import OtlpDoor
from agentsight_otel.server.store import Store
from agentsight_otel.server.store.keys import create_agent, create_key, key_exists
from agentsight_otel.server.store.tables import agents
from agentsight_otel.server.upkeep import Upkeep

DEFAULT_PORT = 8000
AGENT_NAME = "local"


class Service:
    """A server that is bound and ready to run.

    Attributes:
        url: Where it listens.
        api_key: A key that may write; None when the database has keys already and none was given.
        dashboard_url: A link that opens the dashboard, once.
    """

    def __init__(self, store: Store, listener: Listener, url: str, api_key: str | None) -> None:
        self.store = store
        self.url = url
        self.api_key = api_key
        self.dashboard_url = login_link(store, url)
        self._listener = listener
        self._upkeep = Upkeep(store)

    def lines(self) -> list[str]:
        """Return what to print."""
        lines = [f"AgentSight, local: {self.url}", f"Dashboard: {self.dashboard_url}", ""]
        if self.api_key is None:
            return [
                *lines,
                "The database has keys; use the one printed when it was made, or add one with --api-key.",
                f"export AGENTSIGHT_API_ENDPOINT={self.url}",
            ]
        return [
            *lines,
            f"export AGENTSIGHT_API_KEY={self.api_key}",
            f"export AGENTSIGHT_API_ENDPOINT={self.url}",
        ]

    def run(self) -> None:
        """Serve in this thread until interrupted, deliver what came by OTLP, and close the database."""
        self._upkeep.start()
        gc.collect()
        gc.freeze()  # what the server is made of stays; to look through it again would slow every page
        try:
            self._listener.run()
        finally:
            self._upkeep.stop()
            self.store.close()

    def start(self) -> None:
        """Serve in a thread of its own; returns when it answers."""
        self._upkeep.start()
        self._listener.start()

    def stop(self) -> None:
        """Stop serving and close the database."""
        self._listener.stop()
        self._upkeep.stop()
        self.store.close()


def serve(
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    db: str = ":memory:",
    api_key: str | None = None,
    *,
    allow_remote: bool = False,
    rate_limit: int | None = None,
    attachment_quota: int | None = None,
    embed_origins: Sequence[str] = (),
) -> Service:
    """Open the database, bind the port and return the server, which then waits to be run.

    Args:
        host: Address to listen on.
        port: Port, 0 for a free one.
        db: ``:memory:``, an SQLite file or a ``postgresql://`` URL.
        api_key: A key to accept; made up when None and the database has none.
        allow_remote: Whether *host* may be an address other machines reach. The dashboard and every route ask
            for a key or a login, but nothing is encrypted.
        rate_limit: REST requests one key may send in a minute; None for any number.
        attachment_quota: Bytes of all attachments of one agent; None for any number.
        embed_origins: Sites that may show the dashboard in a frame, such as ``https://app.example.com``.

    Raises:
        InvalidApiKeyException: The key is malformed; it is not shown.
        ConfigurationException: The host is not this machine's own and *allow_remote* is off, one of
            *embed_origins* is not an origin, the database cannot be opened.
        OSError: The port is taken.
    """
    if api_key is not None and not API_KEY_PATTERN.fullmatch(api_key.strip()):
        raise InvalidApiKeyException(field="api_key")
    is_local = host in LOOPBACK_HOSTS
    if not (is_local or allow_remote):
        raise ConfigurationException(
            f"{host} can be reached by other machines: put a TLS proxy in front of 127.0.0.1, or allow it",
            field="host",
            limit="a loopback address",
        )
    frame_ancestors(embed_origins)  # wrong ones are refused before anything is opened
    listening = bind(host, port)
    with contextlib.ExitStack() as on_failure:
        on_failure.callback(listening.close)
        store = open_store(db)
        on_failure.pop_all()
    key = ensure_key(store, api_key)
    url = url_of(listening)
    door = OtlpDoor(store, url, db, key)
    routes = [*door.routes(), *dashboard_routes(store, embed_origins=embed_origins)]
    app = create_app(
        store,
        routes=routes,
        hosts=LOOPBACK_NAMES if is_local else None,
        rate_limit=rate_limit,
        attachment_quota=attachment_quota,
    )
    return Service(store, Listener(app, listening, before_stop=door.flush), url, key)


def ensure_key(store: Store, api_key: str | None) -> str | None:
    """Make the given key known, or one up; return it, or None when there are keys and none was given.

    A key that was revoked stays revoked.
    """
    with store.write() as connection:
        agent_id = connection.scalar(select(agents.c.id).order_by(agents.c.id).limit(1))
        if agent_id is not None and api_key is None:
            return None
        if agent_id is None:
            agent_id = create_agent(connection, AGENT_NAME)
        if api_key is not None and key_exists(connection, api_key):
            return api_key.strip()
        return create_key(connection, agent_id, "write", key=api_key, name=AGENT_NAME)

"""LocalServer and capture_payloads: for tests, ours and yours."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

try:
    from agentsight_otel.captured import Captured, capture_payloads
    from agentsight_otel.encoding import decode_json
    from agentsight_otel.gateway.sockets import bind, url_of
    from agentsight_otel.server.app import create_app
    from agentsight_otel.server.dashboard import login_link
    from agentsight_otel.server.dashboard import routes as dashboard_routes
    from agentsight_otel.server.faults import Faults
    from agentsight_otel.server.listener import Listener
    from agentsight_otel.server.otlp import OtlpDoor
    from agentsight_otel.server.recording import RecordedRequest, Recorder, TrackedProtocol
    from agentsight_otel.server.store import Store
    from agentsight_otel.server.store.engine import MEMORY
    from agentsight_otel.server.store.keys import create_agent, create_key
except ModuleNotFoundError as error:
    needed = f"agentsight_otel.testing needs {error.name}: pip install 'agentsight-otel[server]'"
    raise ModuleNotFoundError(needed, name=error.name) from None

__all__ = ["Captured", "Faults", "LocalServer", "RecordedRequest", "capture_payloads"]

_KEPT_OPEN = 3600
"""Seconds until a connection is closed that nothing comes on: not in the moment of a test's next request."""


class LocalServer:
    """What ``agentsight-otel serve`` runs, in a thread, on a free port, with a new agent and its keys.

    ::

        with LocalServer() as server:
            configure(api_key=server.api_key, endpoint=server.url)

    OTLP and the dashboard are on the same port as the REST routes. What comes as OTLP is delivered to
    ``/api/ingest/`` by the server itself, on a thread, so it is among the requests a second time.

    Args:
        db: ``:memory:``, an SQLite file or a ``postgresql://`` URL.
        rate_limit: REST requests one key may send in a minute; None for any number.
        attachment_quota: Bytes of all attachments of one agent; None for any number.

    Attributes:
        url: Base URL, without a trailing slash.
        api_key: A key that may write.
        read_key: A key of the same agent that may only read.
        requests: What arrived, in the order of the answers.
        faults: Switches for what goes wrong.
        store: The database.
    """

    def __init__(
        self, db: str = MEMORY, *, rate_limit: int | None = None, attachment_quota: int | None = None
    ) -> None:
        self.store = Store.open(db)
        self.requests: list[RecordedRequest] = []
        self.faults = Faults()
        self.agent_id, self.api_key, self.read_key = self.add_agent("local")
        self._rate_limit = rate_limit
        self._attachment_quota = attachment_quota
        self._port = 0
        self._listener: Listener | None = None
        self._door: OtlpDoor | None = None
        self.url = ""

    def add_agent(self, name: str) -> tuple[int, str, str]:
        """Make another agent; return its id, a key that may write and one that may only read."""
        with self.store.write() as connection:
            agent_id = create_agent(connection, name)
            write = create_key(connection, agent_id, "write", name=name)
            return agent_id, write, create_key(connection, agent_id, "read", name=name)

    def env(self) -> dict[str, str]:
        """Return the environment variables that point a client here."""
        return {"AGENTSIGHT_API_KEY": self.api_key, "AGENTSIGHT_API_ENDPOINT": self.url}

    def dashboard_url(self) -> str:
        """Return a link that opens the dashboard, once."""
        return login_link(self.store, self.url)

    def payloads(self) -> list[Any]:
        """Return the ingest payloads that were accepted, decoded, in order."""
        accepted = (r for r in self.requests if r.path == "/api/ingest/" and r.status in {200, 201})
        return [decode_json(request.body) for request in accepted]

    def start(self) -> None:
        """Serve; after a `stop` on the same port and with the same data."""
        listening = bind("127.0.0.1", self._port)
        self._port = listening.getsockname()[1]
        self.url = url_of(listening)
        self._door = OtlpDoor(self.store, self.url, MEMORY)  # a test leaves no journal behind
        routes = [*self._door.routes(), *dashboard_routes(self.store)]
        app = create_app(
            self.store,
            routes=routes,
            rate_limit=self._rate_limit,
            attachment_quota=self._attachment_quota,
        )
        app = Recorder(app, self.faults, self.requests)
        self._listener = Listener(app, listening, http=TrackedProtocol, timeout_keep_alive=_KEPT_OPEN)
        self._listener.start()

    def stop(self) -> None:
        """Deliver what came as OTLP, then refuse connections until `start`; the data stays."""
        if self._door is not None:
            self._door.flush()
            self._door = None
        if self._listener is not None:
            self._listener.stop()
            self._listener = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self.store.close()

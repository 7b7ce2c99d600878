"""OTLP on the local server's own port: the gateway's code, delivering to the server itself."""

from __future__ import annotations

from anyio import to_thread
from starlette.routing import BaseRoute

from agentsight_otel.config import Config
from agentsight_otel.enums import Durability
from agentsight_otel.gateway.answers import Refused
from agentsight_otel.gateway.app import Gateway
from agentsight_otel.gateway.routes import otlp_routes
from agentsight_otel.server.store import Store
from agentsight_otel.server.store import keys as store_keys
from agentsight_otel.server.store.engine import MEMORY


class OtlpDoor:
    """Takes OTLP for any key of a store and delivers it to the server at *url*.

    The journal is used where the database outlives the process too.

    Args:
        store: Knows the keys.
        url: The server's own address.
        db: What the store was opened with.
        key: What an earlier process took with this one is delivered at once; what came with others waits for
            them.
    """

    def __init__(self, store: Store, url: str, db: str, key: str | None = None) -> None:
        durability = Durability.MEMORY if db == MEMORY else Durability.PROCESS
        self._store = store
        self._gateway = Gateway(Config.resolve({}, endpoint=url, durability=durability))
        if key is not None:
            self._gateway.open(key)

    def routes(self) -> list[BaseRoute]:
        """Return the routes to serve beside the others."""
        return [*otlp_routes(self._authenticate, self._gateway.accept, counts=self._gateway.counts)]

    def flush(self) -> None:
        """Deliver what was accepted, while the server still answers."""
        self._gateway.shutdown()

    async def _authenticate(self, key: str) -> str:
        await self._gateway.authenticate(key)
        await to_thread.run_sync(self._check, key)
        return key

    def _check(self, key: str) -> None:
        with self._store.read() as connection:
            try:
                principal = store_keys.find_key(connection, key)
            except store_keys.Refused as refused:
                raise Refused(401, str(refused)) from None
        if principal.role != "write":
            raise Refused(403, "this key may only read")

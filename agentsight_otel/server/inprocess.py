"""The server without a socket: REST requests answered by a call."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import URL, Headers, QueryParams
from starlette.routing import compile_path

from agentsight_otel.server.api.http import Answer, ApiError, Call
from agentsight_otel.server.api.routes import ROUTES
from agentsight_otel.server.store import Store
from agentsight_otel.server.store.keys import Principal, create_agent, create_key, find_key
from agentsight_otel.session import TransportError

INGEST = "/api/ingest/"
_PATTERNS = [(route, *compile_path(route.path)) for route in ROUTES]


class InProcess:
    """An agent of its own in memory, whose key every request has.

    Attributes:
        payloads: Bodies of the ingest requests that were accepted, in order.
        uploads: Bodies of the uploads that were accepted.
    """

    def __init__(self) -> None:
        self._store = Store.open()
        self._lock = threading.RLock()
        self._closed = False
        self.payloads: list[bytes] = []
        self.uploads: list[bytes] = []
        with self._store.write() as connection:
            key = create_key(connection, create_agent(connection, "captured"), "write")
            self._principal: Principal = find_key(connection, key)

    def answer(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Handle one request; what is no route is a 404.

        Raises:
            TransportError: It comes after the end.
        """
        if headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        with self._lock:
            if self._closed:
                raise TransportError("network", "network error: nothing is captured any more")
            try:
                answer = self._handle(method, url, headers, body)
            except ApiError as error:
                answer = Answer(error.body, error.status, error.headers)
        kept = {INGEST: self.payloads, "/api/attachments/": self.uploads}.get(urlsplit(url).path)
        if kept is not None and answer.status in {200, 201}:
            kept.append(body)
        return answer.status, {"Content-Type": "application/json", **answer.headers}, answer.content

    def _handle(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        parts = urlsplit(url)
        for route, pattern, _, convertors in _PATTERNS:
            found = pattern.match(parts.path) if route.method == method else None
            if found:
                path = {name: convertors[name].convert(text) for name, text in found.groupdict().items()}
                query = QueryParams(parts.query)
                call = Call(self._store, self._principal, path, query, body, Headers(headers), URL(url))
                return route.handler(call)
        raise ApiError(404, {"detail": "Not found."})

    def close(self) -> None:
        """Forget everything, when the request in hand has its answer."""
        with self._lock:
            self._closed = True
            self._store.close()

"""A stock OTLP receiver over HTTP that keeps every request as it came; nothing of ours is in it."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Export(NamedTuple):
    """One request, inflated."""

    path: str
    content_type: str
    body: bytes


class OtlpSink:
    """What a receiver got.

    Attributes:
        url: Its base URL, as ``OTEL_EXPORTER_OTLP_ENDPOINT`` wants it.
        exports: In the order of arrival, until they are taken.
    """

    def __init__(self) -> None:
        self.url = ""
        self.exports: list[Export] = []

    def take(self) -> list[Export]:
        """The requests since the last call."""
        exports, self.exports = self.exports, []
        return exports


@contextmanager
def otlp_sink() -> Iterator[OtlpSink]:
    """Receive on a free port of the loopback interface."""
    sink = OtlpSink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            sink.exports.append(Export(self.path, self.headers["Content-Type"], body))
            # An answer without fields is an empty body in protobuf; in JSON exporters take it for one too.
            self.send_response(200)
            self.send_header("Content-Type", self.headers["Content-Type"])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        sink.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield sink
        finally:
            server.shutdown()
            thread.join(10)

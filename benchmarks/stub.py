"""A backend that reads what it gets and answers at once; in a process of its own, it prints its port.

With the argument ``gzip`` it advertises ``gzip-ingest``, as AgentSight does.
"""

import http.server
import json
import sys
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers every POST with 201 and knows one agent without capabilities."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or every other answer takes 40 ms

    def do_POST(self) -> None:
        """Read the body and take it."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(201, b"{}")

    def do_GET(self) -> None:
        """Say who the key is."""
        known = {"agent_id": 1, "agent_name": "stub", "role": "write", "environments": []}
        known["capabilities"] = ["gzip-ingest"] if "gzip" in sys.argv else []
        self._answer(200, json.dumps(known).encode())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()

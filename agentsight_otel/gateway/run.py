"""Run the gateway until it is told to stop."""

from __future__ import annotations

import socket
import sys

import uvicorn

from agentsight_otel.config import Config
from agentsight_otel.gateway.app import Gateway, gateway_app

DEFAULT_PORT = 4319
"""One above the Collector's, which usually runs on the same machine."""


def serve(
    host: str = "127.0.0.1", port: int = DEFAULT_PORT, endpoint: str | None = None, api_key: str | None = None
) -> None:
    """Serve OTLP/HTTP until SIGINT or SIGTERM; prints the address on standard error once it can be used.

    Args:
        host: Address to listen on.
        port: Port; 0 for any free one.
        endpoint: Base URL of AgentSight; default: the environment, then the hosted service.
        api_key: The only key to serve; default: the environment, and without one any key that senders bring.

    Raises:
        InvalidApiKeyException: The key is malformed.
        ConfigurationException: Another setting has a value it cannot have.
        SystemExit: The address cannot be listened on.
    """
    gateway = Gateway(Config.resolve(endpoint=endpoint, api_key=api_key))
    config = uvicorn.Config(
        gateway_app(gateway),
        host=host,
        port=port,
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
    )
    listener = config.bind_socket()
    # What it accepts inherits this; asyncio sets it only on sockets of its own making. Without it an answer
    # takes 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.listen(config.backlog)
    bound_host, bound_port = listener.getsockname()[:2]
    served = "its own key" if gateway.config.api_key else "any key, each delivered with itself"
    sys.stderr.write(f"agentsight-otel gateway on http://{bound_host}:{bound_port}, serving {served}\n")
    sys.stderr.flush()
    uvicorn.Server(config).run(sockets=[listener])

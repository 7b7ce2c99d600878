"""Run the gateway until it is told to stop."""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn

from agentsight_otel.config import API_KEY_PATTERN, Config
from agentsight_otel.exceptions import ConfigurationException, InvalidApiKeyException
from agentsight_otel.gateway.app import Gateway, gateway_app
from agentsight_otel.gateway.logs import hide_error_texts
from agentsight_otel.gateway.protocol import BoundedProtocol
from agentsight_otel.gateway.sockets import bind, url_of

DEFAULT_PORT = 4319
"""One above the Collector's, which usually runs on the same machine."""


def read_keys(path: Path) -> list[str]:
    """Read API keys, one a line; empty lines and lines that begin with # do not count.

    Raises:
        ConfigurationException: The file cannot be read or has no key.
        InvalidApiKeyException: A line is no key; the error says which line, and not what is in it.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        raise ConfigurationException("the file of keys cannot be read", field="api_keys_file") from None
    keys = []
    for number, line in enumerate(map(str.strip, lines), 1):
        if line and not line.startswith("#"):
            if not API_KEY_PATTERN.fullmatch(line):
                raise InvalidApiKeyException(f"line {number} is no API key", field="api_keys_file")
            keys.append(line)
    if not keys:
        raise ConfigurationException("the file of keys has none", field="api_keys_file")
    return keys


def serve(
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    endpoint: str | None = None,
    api_key: str | None = None,
    api_keys_file: str | None = None,
) -> None:
    """Serve OTLP/HTTP until SIGINT or SIGTERM; prints the address on standard error once it can be used.

    Args:
        host: Address to listen on.
        port: Port; 0 for any free one.
        endpoint: Base URL of AgentSight; default: the environment, then the hosted service.
        api_key: The only key to serve; default: the environment, and without one any key that senders bring.
        api_keys_file: File with more keys to serve, one a line, and no others. What waits for one of them is
            delivered after a restart without waiting for its sender.

    Raises:
        InvalidApiKeyException: A key is malformed.
        ConfigurationException: Another setting has a value it cannot have, or the file cannot be read.
        OSError: The address cannot be listened on.
    """
    keys = () if api_keys_file is None else read_keys(Path(api_keys_file))
    gateway = Gateway(Config.resolve(endpoint=endpoint, api_key=api_key), keys=keys)
    config = uvicorn.Config(
        gateway_app(gateway),
        http=BoundedProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
    )
    hide_error_texts()
    listening = bind(host, port)
    served = "its own keys only" if gateway.keys else "any key, each delivered with itself"
    sys.stderr.write(f"agentsight-otel gateway on {url_of(listening)}, serving {served}\n")
    sys.stderr.flush()
    uvicorn.Server(config).run(sockets=[listening])

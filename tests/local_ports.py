"""Ports of tests: nobody else gets them before they are used, or while what listens on them is stopped."""

from __future__ import annotations

import contextlib
import random
import socket


def free_ports(count: int) -> list[int]:
    """Return ports that nothing listens on, of those that nobody is given unasked."""
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(15_000, 30_000)  # noqa: S311 - below what the system hands out
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found += [port] if port not in found else []
    return found


def hold_port() -> socket.socket:
    """Bind a free port, for a server to listen on beside it, until the socket is closed."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    return held

"""A TCP proxy that cuts connections after so many bytes, in either direction."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Literal, Self

from delivery_helpers import reset

Direction = Literal["up", "down"]


class Cut:
    """One cut to come: after *left* more bytes to the server (``up``) or to the client (``down``)."""

    def __init__(self, direction: Direction, left: int) -> None:
        self.direction = direction
        self.left = left


class FaultProxy:
    """Forwards connections to a port of this machine; `cut` arms one cut, which then ends one connection.

    Attributes:
        url: Where it listens.
        cuts: Connections cut so far.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(0.1)
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.cuts = 0
        self._armed: Cut | None = None
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def cut(self, direction: Direction, after: int) -> None:
        """Cut whatever connection carries the byte after the next *after* ones in a direction."""
        with self._lock:
            self._armed = Cut(direction, after)

    def disarm(self) -> None:
        """Cut nothing."""
        with self._lock:
            self._armed = None

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(5)
        self._listening.close()

    def _accept(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(TimeoutError):
                client, _ = self._listening.accept()
                server = socket.create_connection(("127.0.0.1", self._port))
                for source, target, direction in ((client, server, "up"), (server, client, "down")):
                    thread = threading.Thread(
                        target=self._forward, args=(source, target, direction), daemon=True
                    )
                    self._threads.append(thread)
                    thread.start()

    def _forward(self, source: socket.socket, target: socket.socket, direction: Direction) -> None:
        with contextlib.suppress(OSError):
            source.settimeout(0.1)
            data, allowed = b"", 0
            while not self._stop.is_set():
                try:
                    data = source.recv(65536)
                except TimeoutError:
                    continue
                allowed = self._allowed(direction, len(data))
                target.sendall(data[:allowed])
                if not data or allowed < len(data):
                    break
            if allowed < len(data):
                self.cuts += 1
                reset(source)
                reset(target)
                return
            target.shutdown(socket.SHUT_WR)
        if direction == "down":
            source.close()
            target.close()

    def _allowed(self, direction: Direction, size: int) -> int:
        """Return how many of *size* bytes may pass; fewer means that this is the moment of the cut."""
        with self._lock:
            armed = self._armed
            if armed is None or armed.direction != direction:
                return size
            if size <= armed.left:
                armed.left -= size
                return size
            self._armed = None
            return armed.left

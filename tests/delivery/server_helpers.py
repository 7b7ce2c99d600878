"""What the tests of application servers share: one small application, and talking to it."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from delivery_helpers import get, wait_until

from agentsight_otel.config import Config
from agentsight_otel.exporters import spool
from agentsight_otel.exporters.delivery import Delivery
from agentsight_otel.testing import LocalServer
from agentsight_otel.tracking import Tracker

APP = """
import os
import threading
import agentsight_otel
from agentsight_otel import agent_message, conversation, conversation_tracker, user_message

agentsight_otel.configure()
with conversation("master"):
    user_message("before the workers")  # with --preload the master has a journal and a thread by now
agentsight_otel.force_flush(5)
with open("threads", "a") as file:
    file.write(" ".join(thread.name for thread in threading.enumerate()) + "\\n")


def application(environ, start_response):
    number = environ["QUERY_STRING"]
    with conversation(f"live-{number}"):
        user_message(f"question {number}")
        agent_message(f"answer {number}")
    conversation_tracker.configure(conversation_id=f"tracked-{number}")
    conversation_tracker.track_human_message(f"tracked {number}")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
"""


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a socket in the file system, so that no test needs a port."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=30)
        self._path = path

    def connect(self) -> None:
        """Connect."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(str(self._path))


def ask(path: Path, number: int, seconds: float = 30.0) -> int:
    """Make one request and return the process that answered it; a worker that goes away is asked again."""
    deadline = time.monotonic() + seconds
    while True:
        connection = UnixConnection(path)
        try:
            connection.request("GET", f"/?{number}")
            answer = connection.getresponse()
            body = answer.read()
            if answer.status == 200:
                return int(body)
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        assert time.monotonic() < deadline, "the application does not answer"
        time.sleep(0.02)


@contextlib.contextmanager
def running(
    command: Sequence[str], *, env: dict[str, str], cwd: Path, log: IO[bytes]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server in a process group of its own and end it: SIGTERM, and SIGKILL after 20 s."""
    process = subprocess.Popen(
        command, env={**os.environ, **env}, cwd=cwd, stdout=log, stderr=subprocess.STDOUT, process_group=0
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)


def drain(server: LocalServer) -> None:
    """Deliver what dead processes left, unsent timelines too, until nothing waits; the counts must agree."""
    config = Config.resolve(api_key=server.api_key, endpoint=server.url)
    wait_until(lambda: drain_once(config))


def drain_once(config: Config) -> bool:
    """Deliver what is there; False when a process that is about to end still held some."""
    delivery = Delivery(config)
    Tracker(config, lambda _: delivery, lambda: None).recover_unsent()
    assert delivery.flush(60)
    delivery.shutdown(5)
    stats = delivery.stats()
    assert stats.balanced
    assert stats.delivered == stats.emitted
    return not spool.status(config).waiting


def conversations(server: LocalServer) -> dict[str, list[dict[str, Any]]]:
    """Return the messages of every conversation the server has."""
    found: dict[str, list[dict[str, Any]]] = {}
    page = 1
    while True:
        rows = get(server, "/api/conversations/", page=str(page), page_size="100")
        for row in rows["results"]:
            found[row["conversation_id"]] = get(server, f"/api/conversations/{row['id']}/")["messages"]
        if rows["next"] is None:
            return found
        page += 1


def stored(server: LocalServer) -> Counter[str]:
    """Return every message the server has and how often, of whatever conversation."""
    return Counter(m["content"] for messages in conversations(server).values() for m in messages)

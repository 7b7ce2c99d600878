from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from server_helpers import drain, stored

from agentsight_otel.testing import LocalServer

IN_VAIN = 0.5
"""Seconds of a flush that is to fail."""
SLOW = 5.0
"""Seconds after which an answer comes that no such flush waits for."""

HANDLER = """
import sys
import agentsight_otel
from agentsight_otel import agent_message, conversation, conversation_tracker, user_message
agentsight_otel.configure()
for line in sys.stdin:
    number, seconds = line.split()
    number = int(number)
    with conversation(f"live-{number % 3}"):
        user_message(f"question {number}")
        agent_message(f"answer {number}")
    conversation_tracker.configure(conversation_id=f"tracked-{number}")
    conversation_tracker.track_human_message(f"tracked {number}")
    result = agentsight_otel.force_flush(float(seconds))
    assert agentsight_otel.stats().balanced
    print(number, int(result.ok), flush=True)
"""


@contextmanager
def function(server: LocalServer) -> Iterator[subprocess.Popen[str]]:
    """Run the handler as a serverless runtime does: one event, one answer, then it may be frozen."""
    process = subprocess.Popen(
        [sys.executable, "-c", HANDLER],
        env={**os.environ, **server.env()},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=10)


def invoke(process: subprocess.Popen[str], number: int, seconds: float = 60) -> bool:
    """Send one event and return whether the handler's flush reached everything in so many seconds."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{number} {seconds}\n")
    process.stdin.flush()
    answer = process.stdout.readline().split()
    assert answer[:1] == [str(number)]
    return answer[1] == "1"


def freeze(process: subprocess.Popen[str], seconds: float) -> None:
    """Stop every thread of the process, as it is between two events, for a while."""
    process.send_signal(signal.SIGSTOP)
    time.sleep(seconds)
    process.send_signal(signal.SIGCONT)


def frozen_rounds(server: LocalServer, seconds: float) -> None:
    """Freeze the function after each event, with the backend well, failing, slow or restarted meanwhile."""
    path = "/api/ingest/"
    with function(server) as process:
        assert invoke(process, 0)
        freeze(process, seconds)
        server.faults.respond(503, path=path)
        assert not invoke(process, 1, IN_VAIN)
        freeze(process, seconds)
        server.faults.clear()
        assert invoke(process, 2)
        process.send_signal(signal.SIGSTOP)
        server.stop()  # its end of the connection is gone when the function wakes up
        time.sleep(seconds)
        server.start()
        process.send_signal(signal.SIGCONT)
        assert invoke(process, 3)
        server.faults.delay(SLOW, times=1, path=path)
        assert not invoke(process, 4, IN_VAIN)
        freeze(process, seconds)
        assert invoke(process, 5)
    drain(server)
    assert stored(server) == Counter(
        f"{kind} {n}" for n in range(6) for kind in ("question", "answer", "tracked")
    )


def test_a_function_that_is_frozen_between_events(server: LocalServer) -> None:
    """After handler and flush the process is stopped and later goes on: 100 % arrives, none twice (P6)."""
    frozen_rounds(server, 0.5)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_a_function_that_is_frozen_for_a_minute(server: LocalServer) -> None:
    """As above, 60 s each time (P6)."""
    frozen_rounds(server, 60)


@pytest.mark.parametrize("state", ["running", "frozen"])
def test_a_function_that_never_wakes_up(server: LocalServer, state: str) -> None:
    """Killed after its flush failed, even while frozen: the next instance delivers everything (P6)."""
    server.faults.respond(503, path="/api/ingest/")
    with function(server) as process:
        for number in range(3):
            assert not invoke(process, number, IN_VAIN)
        if state == "frozen":
            process.send_signal(signal.SIGSTOP)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    server.faults.clear()
    with function(server) as process:
        assert invoke(process, 3)
    drain(server)
    assert stored(server) == Counter(
        f"{kind} {n}" for n in range(4) for kind in ("question", "answer", "tracked")
    )


FLUSHED = """
import os
from delivery_helpers import turns
from agentsight_otel.config import Config
from agentsight_otel.exporters.delivery import Delivery
delivery = Delivery(Config.resolve())
delivery.submit(turns(400))
assert delivery.flush(60)
os._exit(0)
"""


def test_what_a_flush_reported_is_not_sent_again(server: LocalServer) -> None:
    """A process that ends the moment its flush returns leaves nothing that the next one would send."""
    environ = {**os.environ, **server.env(), "PYTHONPATH": str(Path(__file__).parent)}
    for _ in range(6):
        subprocess.run([sys.executable, "-c", FLUSHED], env=environ, timeout=90, check=True)
        sent = len(server.requests)
        drain(server)
        assert len(server.requests) == sent

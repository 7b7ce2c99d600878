from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import NamedTuple

import pytest
from delivery_helpers import INGEST
from server_helpers import drain, stored

from agentsight_otel.testing import LocalServer

RATE = 500
MINUTES = int(os.environ.get("SOAK_MINUTES", "5"))

STEADY = """
import gc, os, sys, time
import agentsight_otel
from agentsight_otel import conversation, user_message
agentsight_otel.configure(timeout=2.0)
rounds, seconds, rate = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
number = 0
for _ in range(rounds):
    start, first = time.monotonic(), number
    while (passed := time.monotonic() - start) < seconds:
        while number - first < passed * rate:
            with conversation(f"soak-{number // 1000}-{number % 5}"):
                user_message(f"message {number}")
            number += 1
        time.sleep(0.01)
    stats = agentsight_otel.stats()
    assert stats.balanced, stats
    print("recorded", number, stats.waiting, flush=True)
    sys.stdin.readline()
    assert agentsight_otel.force_flush(60)
    stats = agentsight_otel.stats()
    assert stats.balanced, stats
    assert not stats.dropped and not stats.dead, stats
    gc.collect()
    pages = int(open("/proc/self/statm").read().split()[1])
    files = len(os.listdir("/proc/self/fd"))
    print("calm", number, pages * os.sysconf("SC_PAGE_SIZE"), files, flush=True)
agentsight_otel.shutdown(5)
"""


class Calm(NamedTuple):
    """The process when nothing waits."""

    recorded: int
    resident: int
    files: int


def faults_at_random(server: LocalServer, every: float, stop: threading.Event, seed: int) -> int:
    """Do something else to the backend from time to time; return how often."""
    chance = random.Random(seed)  # noqa: S311 -- the same faults each time
    faults = server.faults
    kinds: list[Callable[[], object]] = [
        lambda: faults.respond(503, path=INGEST),
        lambda: faults.respond(429, times=3, path=INGEST, retry_after=1),
        lambda: faults.reset("before", times=3, path=INGEST),
        lambda: faults.reset("after", times=3, path=INGEST),
        lambda: faults.truncate(times=3, path=INGEST),
        lambda: faults.delay(3, times=1, path=INGEST),
        lambda: faults.limit_body(20_000, times=5, path=INGEST),
    ]
    if every >= 5:  # a refused key is tried again after half a minute
        kinds.append(lambda: faults.respond(401, times=1, path=INGEST))
    rounds = 0
    while not stop.wait(every):
        faults.clear()
        if rounds % 3 == 2:
            server.stop()
            stop.wait(every / 5)
            server.start()
        else:
            chance.choice(kinds)()
        rounds += 1
    faults.clear()
    return rounds


def soak(server: LocalServer, rounds: int, seconds: float, every: float) -> list[Calm]:
    """Record steadily in one process through rounds of random faults; return how it was after each."""
    with subprocess.Popen(
        [sys.executable, "-c", STEADY, str(rounds), str(seconds), str(RATE)],
        env={**os.environ, **server.env()},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            calm = [one_round(server, process, every, number) for number in range(rounds)]
            assert process.wait(60) == 0
        finally:
            process.kill()
    drain(server)
    found = stored(server)
    assert max(found.values()) == 1
    assert found.keys() == {f"message {n}" for n in range(calm[-1].recorded)}
    return calm


def one_round(server: LocalServer, process: subprocess.Popen[str], every: float, number: int) -> Calm:
    """Make trouble while the process records, then let it deliver everything."""
    assert process.stdin is not None
    assert process.stdout is not None
    stop = threading.Event()
    faults = threading.Thread(target=faults_at_random, args=(server, every, stop, number))
    faults.start()
    try:
        recorded = process.stdout.readline()
    finally:
        stop.set()
        faults.join()
    process.stdin.write("\n")
    process.stdin.flush()
    calm = Calm(*(int(word) for word in process.stdout.readline().split()[1:]))
    sys.stdout.write(f"{recorded.strip()} waiting; {calm}\n")
    return calm


def test_steady_recording_through_random_faults(server: LocalServer) -> None:
    """20 s at 500 events/s with a fault every second: none lost, none twice, no file left open (D24)."""
    calm = soak(server, rounds=4, seconds=5, every=1)
    assert calm[-1].files <= calm[1].files + 2


@pytest.mark.soak
@pytest.mark.timeout(1200 + 90 * MINUTES)
def test_minutes_through_random_faults(server: LocalServer) -> None:
    """5 min, or SOAK_MINUTES, with a fault every 5 s: as above, and memory rises by 5 MB at most (D24).

    What counts is the line through all its values, so that a page more at the end decides nothing.
    """
    calm = soak(server, rounds=MINUTES * 6 // 5, seconds=50, every=5)
    assert calm[-1].files <= calm[1].files + 2
    rounds = range(1, len(calm))
    line = statistics.linear_regression(rounds, [calm[n].resident for n in rounds])
    assert line.slope * len(rounds) <= 5e6, calm

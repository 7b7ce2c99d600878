from __future__ import annotations

import json
import sys

import pytest
from delivery_helpers import run_script
from server_helpers import stored

from agentsight_otel.testing import LocalServer

MB = 1024 * 1024

BURST = """
import array, gc, json, os, sys, time
import agentsight_otel
from opentelemetry.sdk.trace import TracerProvider

count, size = int(sys.argv[1]), int(sys.argv[2])
provider = TracerProvider()
agentsight_otel.configure(tracer_provider=provider)
tracer = provider.get_tracer("burst")


def memory(name):
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name + ":"))


def record(number):
    span = tracer.start_span("turn", attributes={
        "agentsight.conversation.id": f"burst-{number % 100}",
        "agentsight.span.kind": "turn",
        "agentsight.turn.complete": True,
    })
    text = f"message {number} ".ljust(size, "x")
    span.add_event("agentsight.message", {
        "agentsight.message.sender": "end_user",
        "agentsight.message.content": text,
    })
    start = time.perf_counter_ns()
    span.end()
    return time.perf_counter_ns() - start


for number in range(500):  # imports and connections are not the burst
    record(count + number)
assert agentsight_otel.force_flush(60)
spent = array.array("q", bytes(8 * count))
gc.collect()
with open("/proc/self/clear_refs", "w") as peak:
    peak.write("5")
before = memory("VmRSS")
start = time.perf_counter()
for number in range(count):
    spent[number] = record(number)
recorded = time.perf_counter() - start
assert agentsight_otel.stats().balanced
assert agentsight_otel.force_flush(500)
delivered = time.perf_counter() - start
grown = memory("VmHWM") - before
stats = agentsight_otel.stats()
assert stats.balanced
ordered = sorted(spent)
print(json.dumps({
    "emitted": stats.emitted,
    "delivered": stats.delivered,
    "lost": stats.dead + sum(stats.dropped.values()) + sum(stats.filtered.values()),
    "grown": grown,
    "end p50, us": ordered[count // 2] / 1000,
    "end p99, us": ordered[count * 99 // 100] / 1000,
    "recorded, s": round(recorded, 2),
    "delivered, s": round(delivered, 2),
}))
"""


def burst(server: LocalServer, count: int, size: int) -> int:
    """Record as fast as it goes in a process of its own; return the bytes by which its memory grew."""
    ended = run_script(BURST, str(count), str(size), env=server.env(), seconds=550)
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    sys.stdout.write(f"{count} spans of {size} bytes: {found}\n")
    assert found["emitted"] == found["delivered"] == count + 500
    assert found["lost"] == 0
    arrived = stored(server)
    assert max(arrived.values()) == 1
    assert {int(text.split()[1]) for text in arrived} == set(range(count + 500))
    return int(found["grown"])


needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self")


@needs_proc
@pytest.mark.parametrize("size", [200, 2000])
def test_a_burst_of_eight_thousand(server: LocalServer, size: int) -> None:
    """8,000 spans as fast as they end: all of them arrive, once, in 20 MB of memory (D11)."""
    assert burst(server, 8_000, size) <= 20 * MB


@needs_proc
@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("size", [200, 2000])
def test_a_burst_of_fifty_thousand(server: LocalServer, size: int) -> None:
    """50,000 spans as fast as they end: all of them arrive, once, in 30 MB of memory (D11)."""
    assert burst(server, 50_000, size) <= 30 * MB

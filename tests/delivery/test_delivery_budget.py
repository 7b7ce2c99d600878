from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from delivery_helpers import INGEST, run_script, texts, turn

from agentsight_otel.config import Config
from agentsight_otel.exporters.delivery import Delivery, spool_folder
from agentsight_otel.exporters.entries import encode
from agentsight_otel.exporters.ledger import Ledger
from agentsight_otel.journal import Journal, Kind
from agentsight_otel.testing import LocalServer

MAX_BYTES = 1024 * 1024

WRITER = """
import json, os, sys
from delivery_helpers import turns
from agentsight_otel.config import Config
from agentsight_otel.exporters.registry import delivery_for
delivery = delivery_for(Config.resolve())
first = int(sys.argv[1])
for start in range(first, first + 400, 10):
    delivery.submit(turns(10, size=2000, first=start))
if sys.argv[2] == "die":
    os._exit(0)
print("ready", flush=True)
while sys.stdin.readline() == "go\\n":
    delivery._ledger.evict()
    stats = delivery.stats()
    assert stats.balanced
    print(json.dumps([stats.emitted, stats.waiting, dict(stats.dropped)]), flush=True)
os._exit(0)
"""


@pytest.fixture
def small(server: LocalServer) -> dict[str, str]:
    """Give the settings of processes with a small budget and a backend that takes nothing."""
    server.faults.respond(503, path=INGEST)
    # The sender has a request in hand, which is not dropped.
    small = {"AGENTSIGHT_SPOOL_MAX_BYTES": str(MAX_BYTES), "AGENTSIGHT_MAX_REQUEST_BYTES": "65536"}
    return {**server.env(), **small}


def folder_bytes(server: LocalServer) -> int:
    """Return the size of every segment in the folder that the processes share."""
    folder = spool_folder(Config.resolve(api_key=server.api_key, endpoint=server.url))
    assert folder is not None
    return sum(path.stat().st_size for path in folder.glob("*.seg"))


def start(env: dict[str, str], first: int) -> subprocess.Popen[str]:
    """Start a process that records 800 KB and then waits for a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(first), "live"],
        env={**os.environ, **env},
        cwd=Path(__file__).parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def drop(process: subprocess.Popen[str]) -> Any:
    """Let a process drop its part; return what it counted."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def finish(process: subprocess.Popen[str]) -> None:
    """Let a process die; its counts must agree."""
    process.communicate("end\n", timeout=60)
    assert process.returncode == 0


def drained(server: LocalServer) -> list[str]:
    """Deliver what all processes left and return every message that arrived."""
    server.faults.clear()
    delivery = Delivery(Config.resolve(api_key=server.api_key, endpoint=server.url))
    assert delivery.flush(60)
    delivery.shutdown(5)
    return texts(server)


def test_living_processes_share_the_budget(server: LocalServer, small: dict[str, str]) -> None:
    """Two processes keep the folder within its bytes, and what each dropped is exactly what is missing."""
    processes = [start(small, 0), start(small, 10_000)]
    for _ in range(4):  # what one cannot drop because it is being sent, the other makes up for
        counted = [drop(process) for process in processes]
    assert folder_bytes(server) <= MAX_BYTES
    for process in processes:
        finish(process)
    waiting = 0
    for emitted, left, dropped in counted:
        assert set(dropped) <= {"spool_full"}
        assert emitted == 400
        assert left + dropped.get("spool_full", 0) == 400
        waiting += left
    assert 300 < waiting < 800
    arrived = drained(server)
    assert len(arrived) == len(set(arrived)) == waiting


def test_what_the_dead_left_counts_too(server: LocalServer, small: dict[str, str]) -> None:
    """A process that comes later keeps the folder within its bytes, and counts what it dropped."""
    assert run_script(WRITER, "0", "die", env=small).returncode == 0
    process = start(small, 10_000)
    emitted, waiting, dropped = drop(process)
    assert folder_bytes(server) <= MAX_BYTES
    finish(process)
    assert set(dropped) == {"spool_full"}
    assert (emitted, waiting) == (800, 800 - dropped["spool_full"])
    assert len(drained(server)) == waiting


def test_an_orphan_over_age_is_counted(tmp_path: Path) -> None:
    """Records and timeline items of a dead process that are too old are dropped, each counted (D18)."""
    clock = [1000.0]
    dead = Journal(tmp_path, clock=lambda: clock[0])
    spans = [turn(number) for number in range(3)]
    dead.append(Kind.SPAN, [(bytes([number]) * 24, encode(span)) for number, span in enumerate(spans)])
    dead.append_one(Kind.ITEM, bytes(24), b"an unsent item")
    dead.close()
    (path,) = tmp_path.glob("*.seg")
    os.utime(path, (1000, 1000))
    clock[0] = 1061.0
    ledger = Ledger(Journal(tmp_path, max_age=60, clock=lambda: clock[0]), memory_max_bytes=2**20)
    ledger.evict()
    stats = ledger.stats()
    assert stats.balanced
    assert (stats.emitted, stats.waiting, stats.dropped) == (4, 0, {"expired": 4})
    assert not list(tmp_path.glob("*.seg"))


def test_a_slow_trickle_does_not_keep_old_records(tmp_path: Path) -> None:
    """A segment takes records for an eighth of the age only, so that young ones do not save old ones."""
    clock = [0.0]
    journal = Journal(tmp_path, max_age=80, monotonic=lambda: clock[0])
    for number in range(0, 100, 5):
        clock[0] = 1000.0 + number
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("agentsight_otel.journal.store._CHECK_INTERVAL", 0.0)
            journal.append_one(Kind.SPAN, bytes([number]) * 24, b"x")
    doomed = {path for path, reason in journal.evict() if reason == "expired"}
    assert doomed
    held = [journal.held(path) for path in doomed]
    assert all(segment is not None and segment.newest < 1095 - 80 for segment in held)
    journal.close()

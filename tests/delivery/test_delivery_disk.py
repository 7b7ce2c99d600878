from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from delivery_helpers import INGEST, run_script, turn, turns, wait_until
from server_helpers import drain, stored

from agentsight_otel.exporters.delivery import Delivery
from agentsight_otel.testing import LocalServer

Make = Callable[..., Delivery]
HOLD = 30.0
WARNING = "the journal cannot be written"

BROKEN = """
import errno, os, sys, time
broken = []
write, writev, open_ = os.write, os.writev, os.open

def check(fd, size):
    if broken and os.readlink(f"/proc/self/fd/{fd}").endswith(".seg"):
        raise OSError(getattr(errno, broken[0]), os.strerror(getattr(errno, broken[0])))

def broken_write(fd, data):
    check(fd, len(data))
    return write(fd, data)

def broken_writev(fd, buffers):
    check(fd, 0)
    return writev(fd, buffers)

def broken_open(path, flags, mode=0o777, **more):
    if broken and flags & os.O_CREAT and os.environ["AGENTSIGHT_SPOOL_DIR"] in str(path):
        raise OSError(getattr(errno, broken[0]), os.strerror(getattr(errno, broken[0])))
    return open_(path, flags, mode, **more)

if sys.argv[2] == "write":
    os.write, os.writev = broken_write, broken_writev
os.open = broken_open

from delivery_helpers import turn
from agentsight_otel.config import Config
from agentsight_otel.exporters.registry import delivery_for
delivery = delivery_for(Config.resolve())

def record(first, last):
    for n in range(first, last):
        delivery.submit([turn(n, f"c{n % 10}", ("message %d " % n).ljust(1000, "x"))])

record(0, 100)
broken.append(sys.argv[1])
if sys.argv[2] == "create":
    for name in os.listdir(delivery.folder):
        os.unlink(os.path.join(delivery.folder, name))
    time.sleep(1.1)
record(100, 600)
stats = delivery.stats()
assert stats.balanced
lost = sum(stats.dropped.values())
print(stats.emitted, stats.waiting, stats.durable, stats.dropped.get("disk_full", 0), lost)
broken.clear()
deadline = time.monotonic() + 30
while not delivery.stats().durable and time.monotonic() < deadline:
    time.sleep(0.1)
    record(600, 601)
record(601, 700)
stats = delivery.stats()
assert stats.balanced
print(stats.durable, flush=True)
os._exit(0) if sys.argv[3] == "die" else print(delivery.flush(30).ok, delivery.stats().balanced)
"""


@pytest.mark.parametrize("kind", ["ENOSPC", "EIO", "EDQUOT"])
def test_a_disk_that_fails_every_write(server: LocalServer, kind: str) -> None:
    """With each error it goes on in memory, losses are exact, and the disk is used again (D12)."""
    server.faults.respond(503, path=INGEST)
    env = {**server.env(), "AGENTSIGHT_MEMORY_MAX_BYTES": "200000"}
    done = run_script(BROKEN, kind, "write", "die", env=env)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.strip().split("\n")
    emitted, waiting, durable, disk_full, lost = first.split()
    assert (emitted, durable, second) == ("600", "False", "True")
    assert int(waiting) + int(lost) == 600
    assert int(lost) == int(disk_full) > 0
    assert done.stderr.count(WARNING) == 1
    server.faults.clear()
    drain(server)
    found = stored(server)
    assert max(found.values()) == 1
    assert {f"message {n} ".ljust(1000, "x") for n in (*range(100), *range(601, 700))} <= set(found)


@pytest.mark.parametrize("kind", ["ENOSPC", "EROFS"])
def test_a_folder_in_which_no_file_can_be_made(server: LocalServer, kind: str) -> None:
    """Out of inodes, or read-only from one moment to the next: memory, one warning, and it resumes (D13)."""
    server.faults.respond(503, times=None, path=INGEST)
    env = {**server.env(), "AGENTSIGHT_MEMORY_MAX_BYTES": "10000000"}
    done = run_script(BROKEN, kind, "create", "die", env=env)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.strip().split("\n")
    assert first.split()[2] == "False"
    assert first.split()[3:] == ["0", "0"]
    assert second == "True"
    assert done.stderr.count(WARNING) == 1


def test_a_folder_that_is_removed_while_running(
    server: LocalServer, make_delivery: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What was in a removed folder is delivered by this process, and later records are on disk (D13)."""
    server.faults.respond(503, path=INGEST)
    folder = tmp_path / "removed"
    delivery = make_delivery(server, spool_dir=str(folder))
    delivery.submit(turns(50))
    shutil.rmtree(folder)
    numbers = iter(range(50, 100_000))
    wait_until(lambda: bool(delivery.submit([turn(next(numbers), "c1")])) and folder.exists())
    assert delivery.stats().durable
    assert sum("folder was removed" in record.message for record in caplog.records) == 1
    server.faults.clear()
    assert delivery.flush(HOLD)
    assert delivery.stats().delivered == next(numbers)
    assert stored(server) == Counter(f"message {n}" for n in range(delivery.stats().delivered))


def test_a_link_put_in_the_place_of_the_folder(
    server: LocalServer, make_delivery: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is written through the link: memory, one warning; without it the disk is used again (D13)."""
    server.faults.respond(503, path=INGEST)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    delivery = make_delivery(server, spool_dir=str(tmp_path / "spool"))
    delivery.submit(turns(50))
    folder = delivery.folder
    assert folder is not None
    shutil.rmtree(folder)
    folder.symlink_to(elsewhere)
    numbers = iter(range(50, 100_000))
    wait_until(lambda: bool(delivery.submit([turn(next(numbers))])) and not delivery.stats().durable)
    assert list(elsewhere.iterdir()) == []
    assert sum(WARNING in record.message for record in caplog.records) == 1
    folder.unlink()
    wait_until(lambda: bool(delivery.submit([turn(next(numbers))])) and delivery.stats().durable)
    server.faults.clear()
    assert delivery.flush(HOLD)
    assert sum(stored(server).values()) == delivery.stats().delivered == next(numbers)
    assert list(elsewhere.iterdir()) == []

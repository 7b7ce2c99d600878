from __future__ import annotations

import dataclasses
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from delivery_helpers import get, run_script, texts, turns, wait_until
from local_ports import free_ports

from agentsight_otel.config import Config
from agentsight_otel.exporters.delivery import Delivery
from agentsight_otel.testing import LocalServer

HOLD = 30.0

PRELUDE = """
import os, signal, sys, threading, time
from delivery_helpers import turn, turns
from agentsight_otel.config import Config
from agentsight_otel.exporters.registry import delivery_for
delivery = delivery_for(Config.resolve())
def finish():
    delivery.shutdown(5)
    assert delivery.stats().balanced, delivery.stats()
"""


def heir(server: LocalServer, **settings: object) -> Delivery:
    """Make the delivery of a next process, in this one."""
    return Delivery(Config.resolve(api_key=server.api_key, endpoint=server.url, **settings))


def deliver_rest(server: LocalServer) -> None:
    """Deliver what other processes left; the counts must agree."""
    delivery = heir(server)
    assert delivery.flush(600)
    delivery.shutdown(5)
    assert delivery.stats().balanced
    assert delivery.stats().delivered == delivery.stats().emitted


def test_down_exit_restart(server: LocalServer) -> None:
    """What a process recorded while the server was down arrives with the next process; exit is quick (D1)."""
    server.stop()
    source = PRELUDE + (
        "delivery.submit(turns(1000)); assert not delivery.flush(0.2)\n"
        "start = time.monotonic(); finish(); print(time.monotonic() - start)"
    )
    done = run_script(source, env=server.env())
    assert done.returncode == 0, done.stderr
    server.start()
    deliver_rest(server)
    assert sorted(texts(server)) == sorted(f"message {n}" for n in range(1000))


KILLED = (
    PRELUDE
    + """
for n in range(100000):
    delivery.submit([turn(n, f"c{n % 10}")])
    os.write(1, b"%d\\n" % n)
"""
)


@pytest.mark.parametrize("round_", range(3))
def test_sigkill_at_random_instants(server: LocalServer, round_: int) -> None:
    """Every record whose call returned survives a SIGKILL, and none is stored twice (D2)."""
    kill_rounds(server, rounds=4, seed=round_)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_sigkill_at_two_hundred_instants(server: LocalServer) -> None:
    """As above, at 200 instants (D2)."""
    kill_rounds(server, rounds=200, seed=99)


def kill_rounds(server: LocalServer, *, rounds: int, seed: int) -> None:
    """Kill processes that record while the backend answers, fails and cuts connections."""
    chance = random.Random(seed)  # noqa: S311 -- the same instants each time
    expected: set[str] = set()
    for number in range(rounds):
        source = KILLED.replace("range(100000)", f"range({number * 100000}, {number * 100000 + 3000})")
        server.faults.clear()
        fault = number % 4
        if fault == 1:
            server.faults.respond(503, path="/api/ingest/")
        elif fault == 2:
            server.faults.reset("after", times=3, path="/api/ingest/")
        elif fault == 3:
            server.faults.delay(0.05, path="/api/ingest/")
        with subprocess.Popen(
            [sys.executable, "-c", source],
            env={**os.environ, **server.env()},
            cwd=Path(__file__).parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            assert process.stdout is not None
            first = process.stdout.readline()
            time.sleep(chance.random() * 0.3)
            process.send_signal(signal.SIGKILL)
            lines = (first + process.stdout.read()).split(b"\n")
        expected.update(f"message {int(line)}" for line in lines[:-1])
    server.faults.clear()
    deliver_rest(server)
    stored = texts(server)
    assert len(stored) == len(set(stored))
    assert expected <= set(stored)
    assert len(set(stored) - expected) <= rounds


def test_a_backlog_larger_than_what_is_taken_at_once(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flush waits for all that dead processes left, though it is adopted piece by piece (P8)."""
    monkeypatch.setattr("agentsight_otel.exporters.adoption.MAX_WAITING", 100)
    server.stop()
    for number in range(6):
        source = PRELUDE + f"delivery.submit(turns(80, first={number * 80})); os._exit(0)"
        assert run_script(source, env=server.env()).returncode == 0
    server.start()
    deliver_rest(server)
    assert sorted(texts(server)) == sorted(f"message {n}" for n in range(480))


def test_two_processes_share_a_spool(server: LocalServer) -> None:
    """A living process's records are its own; a dead one's are adopted, and none is sent twice (P8)."""
    server.faults.respond(503, path="/api/ingest/")
    dead = run_script(PRELUDE + "delivery.submit(turns(100)); os._exit(0)", env=server.env())
    assert dead.returncode == 0, dead.stderr
    alive = heir(server)
    alive.submit(turns(100, first=100))
    other = heir(server)
    server.faults.clear()
    assert other.flush(HOLD)
    assert alive.flush(HOLD)
    alive.shutdown(1)
    other.shutdown(1)
    sent = [s["span_id"] for p in server.payloads() for b in p["conversations"] for s in b["spans"]]
    assert len(sent) == len(set(sent)) == 200
    assert alive.stats().balanced
    assert other.stats().balanced


def test_a_running_sender_adopts_without_being_asked(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sender looks for segments of dead processes by itself (P8)."""
    monkeypatch.setattr("agentsight_otel.exporters.adoption.INTERVAL", 0.1)
    monkeypatch.setattr("agentsight_otel.exporters.courier._HOUSEKEEPING", 0.1)
    delivery = heir(server)
    assert delivery.submit(turns(1)).wait(HOLD)
    server.faults.respond(503, path="/api/ingest/")
    done = run_script(PRELUDE + "delivery.submit(turns(50, first=1)); os._exit(0)", env=server.env())
    assert done.returncode == 0, done.stderr
    server.faults.clear()
    wait_until(lambda: delivery.stats().delivered == 51)
    delivery.shutdown(1)
    assert delivery.stats().adopted == 50


def test_unsent_timeline_items_come_back(server: LocalServer) -> None:
    """What a dead process kept and never released is recovered once, and released for good."""
    source = PRELUDE + (
        "refs = [delivery.keep(b'item %d' % n) for n in range(4)]\ndelivery.release(refs[:1]); os._exit(0)"
    )
    assert run_script(source, env=server.env()).returncode == 0
    first = heir(server)
    items = first.recover()
    assert items == [b"item 1", b"item 2", b"item 3"]
    assert first.recover() == []
    ref = first.keep(items[0])
    assert ref is not None
    first.release([ref])
    first.shutdown(1)
    second = heir(server)
    items = second.recover()
    assert items == [b"item 2", b"item 3"]
    second.release([second.keep(item) for item in items])
    second.shutdown(1)
    third = heir(server)
    assert third.recover() == []
    third.shutdown(1)


FORKS = (
    PRELUDE
    + """
delivery.submit(turns(100))
pids = []
for child in range(1, 5):
    pid = os.fork()
    if pid == 0:
        delivery.submit(turns(100, first=child * 100))
        delivery.shutdown(5)
        os._exit(0 if delivery.stats().balanced else 1)
    pids.append(pid)
codes = [os.waitpid(pid, 0)[1] for pid in pids]
finish()
sys.exit(any(codes))
"""
)


def test_forks_deliver_their_own(server: LocalServer) -> None:
    """A parent and four forks, each with 100 records: 500 arrive and none twice (P1)."""
    done = run_script(FORKS, env=server.env())
    assert done.returncode == 0, done.stderr
    deliver_rest(server)
    assert sorted(texts(server)) == sorted(f"message {n}" for n in range(500))
    sent = [s["span_id"] for p in server.payloads() for b in p["conversations"] for s in b["spans"]]
    assert len(set(sent)) == 500  # a shutdown may give up a request that arrives all the same


POOL = """
import multiprocessing, sys
import pool_worker
if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    with context.Pool(2, maxtasksperchild=1) as pool:
        pool.map(pool_worker.work, range(6), chunksize=1)
"""
WORKER = """
from delivery_helpers import turns
from agentsight_otel.config import Config
from agentsight_otel.exporters.registry import delivery_for
delivery = delivery_for(Config.resolve())
def work(number):
    delivery.submit(turns(20, first=number * 20))
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_pool_workers_that_end_after_one_task(server: LocalServer, tmp_path: Path, method: str) -> None:
    """Workers that end without a shutdown lose nothing, however they are started (P1)."""
    (tmp_path / "pool_worker.py").write_text(WORKER)
    (tmp_path / "main.py").write_text(POOL)
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parent)])
    done = subprocess.run(
        [sys.executable, str(tmp_path / "main.py"), method],
        env={**os.environ, **server.env(), "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    deliver_rest(server)
    assert sorted(texts(server)) == sorted(f"message {n}" for n in range(120))


FORK_STORM = (
    PRELUDE
    + """
import random
chance = random.Random(int(sys.argv[2]))
stop = threading.Event()
def noise(worker):
    n = worker * 1000000
    while not stop.is_set():
        delivery.submit([turn(n, f"c{n % 10}")])
        n += 1
        time.sleep(0.001)
threads = [threading.Thread(target=noise, args=(w,), daemon=True) for w in range(1, 3)]
for thread in threads:
    thread.start()
hung = 0
for number in range(int(sys.argv[1])):
    time.sleep(chance.random() * 0.05)
    pid = os.fork()
    if pid == 0:
        delivery.submit([turn(90000000 + number, "forked")])
        delivery.shutdown(0.2)
        os._exit(0)
    deadline = time.monotonic() + 20
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        if time.monotonic() > deadline:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
            hung += 1
            break
        time.sleep(0.002)
stop.set()
for thread in threads:
    thread.join()
finish()
print(hung)
"""
)


def fork_storm(server: LocalServer, forks: int) -> None:
    """Fork while threads record and the sender sends."""
    done = run_script(FORK_STORM, str(forks), "1", env=server.env(), seconds=600)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "0"
    deliver_rest(server)
    key = get(server, "/api/conversations/lookup/", conversation_id="forked")["id"]
    found = [m["content"] for m in get(server, f"/api/conversations/{key}/")["messages"]]
    assert sorted(found) == [f"message {90000000 + n}" for n in range(forks)]


def test_forks_at_any_moment(server: LocalServer) -> None:
    """Forks while threads record: no child hangs and each one's record arrives (P2)."""
    fork_storm(server, 25)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_five_hundred_forks(server: LocalServer) -> None:
    """As above, 500 times (P2)."""
    fork_storm(server, 500)


NO_IMPORTS = (
    PRELUDE
    + """
found = []
def hook(event, arguments):
    if event == "import" and threading.current_thread().name == "agentsight-otel-sender":
        found.append(arguments[0])
sys.addaudithook(hook)
ticket = delivery.submit(turns(100, size=500))
assert ticket.wait(60), ticket.error
assert delivery.submit(turns(100, size=500, first=100)).wait(60)
finish()
print(found)
"""
)


def test_nothing_is_imported_on_the_sender_thread(server: LocalServer) -> None:
    """Requests, gzip and answers need no import there, so a fork finds no import lock held (P2)."""
    done = run_script(NO_IMPORTS, env=server.env())
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


ENDINGS = {
    "return": "pass",
    "sys.exit": "sys.exit(3)",
    "exception": "raise RuntimeError('over')",
    "os._exit": "os._exit(3)",
    "SIGTERM": "os.kill(os.getpid(), 15); time.sleep(30)",
    # A shell's background jobs ignore it, and what they start inherits that.
    "SIGINT": "signal.signal(2, signal.default_int_handler); os.kill(os.getpid(), 2); time.sleep(30)",
    "SIGKILL": "os.kill(os.getpid(), 9); time.sleep(30)",
}


@pytest.mark.parametrize("ending", list(ENDINGS))
def test_every_kind_of_exit(server: LocalServer, ending: str) -> None:
    """Whatever ends a process whose backend is down, its records arrive later (P3)."""
    server.stop()
    source = PRELUDE + f"delivery.submit(turns(50))\n{ENDINGS[ending]}"
    done = run_script(source, env=server.env())
    assert ("Traceback" in done.stderr) == (ending in {"exception", "SIGINT"})
    assert "agentsight_otel" not in done.stderr  # as a frame of ours in a traceback would have it
    server.start()
    deliver_rest(server)
    assert len(texts(server)) == 50


IMPORT = """
import sys, threading
opened = []
def hook(event, arguments):
    writes = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
    if event.startswith("socket.") or writes:
        opened.append((event, str(arguments[0])))
sys.addaudithook(hook)
import agentsight_otel.exporters
print(opened, threading.active_count())
"""


def test_import_opens_nothing() -> None:
    """Importing the exporters starts no thread and opens no socket or file for writing (P7)."""
    done = run_script(IMPORT, env={"PYTHONDONTWRITEBYTECODE": "1"})
    assert done.stdout.strip() == "[] 1", done.stderr


def test_nowhere_to_write(server: LocalServer) -> None:
    """Without a home, a state folder or a usable temporary folder: memory, and delivery works (P10)."""
    source = (
        PRELUDE.replace("from delivery_helpers", "os.environ.pop('HOME', None)\nfrom delivery_helpers")
        + "ticket = delivery.submit(turns(20))\nassert ticket.wait(60)\n"
        "print(delivery.stats().durable)\nfinish()"
    )
    nowhere = "/proc/agentsight"
    env = {
        **server.env(),
        "AGENTSIGHT_SPOOL_DIR": nowhere,
        "TMPDIR": nowhere,
        "XDG_STATE_HOME": nowhere,
        "LC_ALL": "C",
    }
    done = run_script(source, env=env)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "False"
    assert done.stderr.count("agentsight-otel:") == 1
    assert len(texts(server)) == 20


DISK_FULL = (
    """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, resource.RLIM_INFINITY))
"""
    + PRELUDE
    + """
for n in range(1000):
    delivery.submit([turn(n, f"c{n % 10}", ("message %d " % n).ljust(1000, "x"))])
stats = delivery.stats()
lost = sum(stats.dropped.values())
print(stats.emitted, stats.waiting, lost, stats.dropped.get("disk_full", 0), stats.durable)
assert stats.balanced
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
time.sleep(2.1)
delivery.submit([turn(1000, "c0")])
print(delivery.stats().durable)
os._exit(0)
"""
)


def test_a_full_disk(server: LocalServer) -> None:
    """A disk that takes no more: the application goes on, losses are counted, and it resumes (D12)."""
    server.faults.respond(503, path="/api/ingest/")
    env = {**server.env(), "AGENTSIGHT_MEMORY_MAX_BYTES": "200000"}
    done = run_script(DISK_FULL, env=env)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.strip().split("\n")
    emitted, waiting, lost, disk_full, durable = first.split()
    assert int(emitted) == 1000
    assert int(waiting) + int(lost) == 1000
    assert int(lost) == int(disk_full) > 0
    assert (durable, second) == ("False", "True")
    assert done.stderr.count("the journal cannot be written") == 1
    server.faults.clear()
    deliver_rest(server)
    stored = texts(server)
    assert len(stored) == len(set(stored)) > 100
    assert any(text == "message 1000" for text in stored)


def test_stats_are_plain_json(server: LocalServer) -> None:
    """The counts can be written as JSON by anyone."""
    delivery = heir(server)
    delivery.submit(turns(3)).wait(HOLD)
    assert json.loads(json.dumps(dataclasses.asdict(delivery.stats())))["delivered"] == 3
    delivery.shutdown(1)


def test_a_dead_port_is_no_reason_to_hang(tmp_path: Path) -> None:
    """A process with a long backlog and no backend ends (P3)."""
    env = {
        "AGENTSIGHT_API_KEY": "ags_" + "0" * 32 + "_" + "a1b2c3",
        "AGENTSIGHT_API_ENDPOINT": f"http://127.0.0.1:{free_ports(1)[0]}",
        "AGENTSIGHT_SPOOL_DIR": str(tmp_path / "backlog"),
    }
    for _ in range(2):
        done = run_script(PRELUDE + "delivery.submit(turns(5000))\nfinish()", env=env)
        assert done.returncode == 0, done.stderr

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from delivery_helpers import run_script
from server_helpers import drain, stored

from agentsight_otel.testing import LocalServer

FORK = """
import os, random, sys, threading, time
import agentsight_otel
from agentsight_otel import conversation, user_message

def fork(number):
    pid = os.fork()
    if pid:
        return pid
    with conversation("children"):
        user_message(f"child {number}")
    agentsight_otel.shutdown(0.2)
    os._exit(0 if agentsight_otel.stats().balanced else 1)

def reap(pid):
    deadline = time.monotonic() + 20
    while (found := os.waitpid(pid, os.WNOHANG)) == (0, 0):
        if time.monotonic() > deadline:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
            return "hung"
        time.sleep(0.002)
    return found[1]
"""

IMPORTING = (
    FORK
    + """
import importlib
folder, count = sys.argv[1], int(sys.argv[2])
sys.path.insert(0, folder)
sys.dont_write_bytecode = True
stop = threading.Event()

def keep_importing(name):
    while not stop.is_set():
        sys.modules.pop(name, None)
        importlib.import_module(name)  # sleeps while it holds its import lock

def keep_recording():
    number = 0
    while not stop.is_set():
        with conversation("parent"):
            user_message(f"parent {number}")
        number += 1
        time.sleep(0.002)

agentsight_otel.configure()
threads = [threading.Thread(target=keep_importing, args=(f"slow{n}",)) for n in range(2)]
threads.append(threading.Thread(target=keep_recording))
for thread in threads:
    thread.start()
chance = random.Random(3)
codes = []
for number in range(count):
    time.sleep(chance.random() * 0.05)
    codes.append(reap(fork(number)))
stop.set()
for thread in threads:
    thread.join()
agentsight_otel.shutdown(10)
print(sorted({str(code) for code in codes}))
"""
)


def forks_while_importing(server: LocalServer, folder: Path, count: int) -> None:
    """Fork while other threads are in the middle of imports and of recording."""
    for number in range(2):
        (folder / f"slow{number}.py").write_text("import time\ntime.sleep(0.02)\n")
    done = run_script(IMPORTING, str(folder), str(count), env=server.env(), seconds=900)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "['0']\n"
    drain(server)
    found = stored(server)
    assert {text: n for text, n in found.items() if text.startswith("child")} == {
        f"child {n}": 1 for n in range(count)
    }
    assert max(found.values()) == 1


def test_forks_while_another_thread_imports(server: LocalServer, tmp_path: Path) -> None:
    """40 forks with an import lock held by another thread: no child hangs or loses its record (P2)."""
    forks_while_importing(server, tmp_path, 40)


@pytest.mark.soak
@pytest.mark.timeout(1000)
def test_five_hundred_forks_while_another_thread_imports(server: LocalServer, tmp_path: Path) -> None:
    """As above, 500 times (P2)."""
    forks_while_importing(server, tmp_path, 500)


BEGINNING = (
    FORK
    + """
number, delay = int(sys.argv[1]), float(sys.argv[2])

def begin():
    agentsight_otel.configure()
    with conversation("parent"):
        user_message(f"parent {number}")

thread = threading.Thread(target=begin)
thread.start()
time.sleep(delay)
code = reap(fork(number))
thread.join()
agentsight_otel.shutdown(5)
print(code)
"""
)


def forks_at_the_beginning(server: LocalServer, count: int) -> None:
    """Fork 0 to 50 ms after another thread has begun to set everything up, in new processes."""
    for number in range(count):
        delay = str(0.05 * number / count)
        done = run_script(BEGINNING, str(number), delay, env=server.env())
        assert (done.returncode, done.stdout) == (0, "0\n"), (number, delay, done.stderr)
    drain(server)
    assert stored(server) == Counter(f"{who} {n}" for n in range(count) for who in ("parent", "child"))


def test_a_fork_while_another_thread_sets_up(server: LocalServer) -> None:
    """A fork in the middle of the first `configure`, with its imports, hangs no child (P2)."""
    forks_at_the_beginning(server, 16)


@pytest.mark.soak
@pytest.mark.timeout(1000)
def test_two_hundred_forks_while_another_thread_sets_up(server: LocalServer) -> None:
    """As above, 200 times (P2)."""
    forks_at_the_beginning(server, 200)

from __future__ import annotations

from collections import Counter

import pytest
from delivery_helpers import run_script
from server_helpers import drain, stored

from agentsight_otel.testing import LocalServer

WORK = """
import sys, threading
import agentsight_otel
from agentsight_otel import agent_message, conversation, conversation_tracker, user_message
agentsight_otel.configure()

def work(number):
    with conversation(f"live-{number % 20}"):
        for n in range(5):
            user_message(f"question {number} {n}")
            agent_message(f"answer {number} {n}")
    if number % 10 == 0:
        conversation_tracker.configure(conversation_id=f"tracked-{number}")
        for n in range(5):
            conversation_tracker.track_human_message(f"tracked {number} {n}")
        conversation_tracker.send_tracked_data()

threads = [threading.Thread(target=work, args=(number,)) for number in range(200)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
result = agentsight_otel.force_flush(50)
stats = agentsight_otel.stats()
assert stats.balanced, stats
assert (stats.waiting, stats.dead, dict(stats.dropped)) == (0, 0, {}), stats
print(result.ok, stats.delivered == stats.emitted)
agentsight_otel.shutdown(5)
"""
FIRST = "from gevent import monkey\nmonkey.patch_all()\n"
LATE = (
    "import agentsight_otel\nagentsight_otel.configure()\n"
    "import warnings\nwarnings.simplefilter('ignore')\n"  # gevent rightly warns of being late
    "from gevent import monkey\nmonkey.patch_all()\n"
)
WITHOUT_THREADS = "from gevent import monkey\nmonkey.patch_all(thread=False)\n"
WAYS = {
    "plain": "",
    "patched": FIRST,
    "patched late": LATE,
    "patched without threads": WITHOUT_THREADS,
}


@pytest.mark.parametrize("way", list(WAYS))
def test_two_hundred_threads_or_greenlets(server: LocalServer, way: str) -> None:
    """200 threads, real or gevent's, record and send: all arrives and nothing blocks for ever (P5)."""
    if way != "plain":
        pytest.importorskip("gevent", reason="gevent is not installed")
    done = run_script(WAYS[way] + WORK, env=server.env())
    assert done.returncode == 0, done.stderr
    assert done.stdout == "True True\n"
    wanted = [f"{kind} {i} {n}" for i in range(200) for n in range(5) for kind in ("question", "answer")]
    wanted += [f"tracked {i} {n}" for i in range(0, 200, 10) for n in range(5)]
    assert stored(server) == Counter(wanted)


FORKING = (
    FIRST
    + """
import gevent, os
import agentsight_otel
from agentsight_otel import conversation, user_message
agentsight_otel.configure()
with conversation("parent"):
    user_message("parent")
agentsight_otel.force_flush(10)
pids = []
for number in range(4):
    pid = os.fork()
    if pid == 0:
        with conversation("child"):
            user_message(f"child {number}")
        agentsight_otel.shutdown(5)
        os._exit(0 if agentsight_otel.stats().balanced else 1)
    pids.append(pid)
    gevent.sleep(0.01)
codes = [os.waitpid(pid, 0)[1] for pid in pids]
agentsight_otel.shutdown(5)
print(codes)
"""
)


def test_forks_of_a_patched_process(server: LocalServer) -> None:
    """Children forked from a process that gevent has patched deliver their own (P5)."""
    pytest.importorskip("gevent", reason="gevent is not installed")
    done = run_script(FORKING, env=server.env())
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[0, 0, 0, 0]\n"
    drain(server)
    assert stored(server) == Counter(["parent", *(f"child {n}" for n in range(4))])

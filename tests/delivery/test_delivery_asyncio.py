from __future__ import annotations

import re
import sys

import pytest
from delivery_helpers import run_script
from server_helpers import conversations, drain

from agentsight_otel.testing import LocalServer

TASKS = """
import asyncio, sys, time
import agentsight_otel
from agentsight_otel import agent_message, conversation, conversation_tracker, tool, user_message
agentsight_otel.configure()
tasks, seconds = int(sys.argv[1]), float(sys.argv[2])
lags, over = [], False

async def ticker():
    while not over:
        due = time.perf_counter() + 0.005
        await asyncio.sleep(0.005)
        lags.append(time.perf_counter() - due)

@tool
async def look_up(number: int) -> str:
    await asyncio.sleep(0)
    return f"found {number}"

async def talk(number):
    await asyncio.sleep(seconds * number / tasks)
    if number % 2:
        with conversation(f"c{number}"):
            for n in range(5):
                user_message(f"{number} says {n}")
                await asyncio.sleep(0.01)
            await look_up(number)
            await asyncio.create_task(answer(number))
    else:
        conversation_tracker.configure(conversation_id=f"c{number}")
        for n in range(5):
            conversation_tracker.track_human_message(f"{number} says {n}")
            await asyncio.sleep(0.01)
        conversation_tracker.track_agent_message(f"{number} answers")
        if number % 10 == 0:
            await conversation_tracker.send_tracked_data_async()

async def answer(number):
    agent_message(f"{number} answers")

async def main():
    global over
    watch = asyncio.create_task(ticker())
    async with asyncio.TaskGroup() as group:
        for number in range(tasks):
            group.create_task(talk(number))
    over = True
    await watch

agentsight_otel.stats()  # connects: the imports of the first use are no part of the loop's lag
asyncio.run(main())
agentsight_otel.shutdown(30)
stats = agentsight_otel.stats()
assert stats.balanced, stats
lags.sort()
p50, p99 = lags[len(lags) // 2], lags[len(lags) * 99 // 100]
print(f"lag ms p50 {p50 * 1e3:.2f} p99 {p99 * 1e3:.2f} max {lags[-1] * 1e3:.2f}")
"""


def talk(server: LocalServer, tasks: int, seconds: float) -> None:
    """Let tasks talk at once, each in its own conversation; each conversation has its own words and order."""
    done = run_script(TASKS, str(tasks), str(seconds), env=server.env(), seconds=seconds + 160)
    assert done.returncode == 0, done.stderr
    sys.stdout.write(done.stdout)
    assert re.match(r"lag ms p50 \d", done.stdout)
    drain(server)
    found = conversations(server)
    assert found.keys() == {f"c{number}" for number in range(tasks)}
    for number in range(tasks):
        messages = found[f"c{number}"]
        words = [m["content"] for m in messages if not m.get("action_name")]
        assert words == [*(f"{number} says {n}" for n in range(5)), f"{number} answers"], number
        actions = [m["action_name"] for m in messages if m.get("action_name")]
        assert actions == (["look_up"] if number % 2 else []), number


def test_a_thousand_tasks(server: LocalServer) -> None:
    """1000 tasks at about 1000 events/s, live and tracked: no conversation has another's words (P4)."""
    talk(server, 1000, 6)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_ten_thousand_tasks(server: LocalServer) -> None:
    """As above for a minute (P4)."""
    talk(server, 10_000, 60)

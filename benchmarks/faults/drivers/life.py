"""What every driver does with its SDK, phase by phase; the standard library only, for it runs beside any SDK.

A driver is started as ``python <driver>.py --endpoint URL --phase PHASE …`` and writes its progress to the
descriptor in ``FAULTS_REPORT``, one JSON object a line with a monotonic time.
"""

import argparse
import json
import os
import random
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

FORKS = 4
POISON = "poison-evt"


class Sdk(NamedTuple):
    """An SDK, ready to use.

    Attributes:
        emit: Records one event: its number and its text.
        flush: The SDK's own way to wait for delivery.
        report: Anything the SDK says about what became of the events.
    """

    emit: Callable[[int, str], object]
    flush: Callable[[], object]
    report: Callable[[], dict[str, Any]] = dict


def text(number: int, size: int, *, poison: bool = False) -> str:
    """Return an event's text: its number at both ends, and between them digits that compress to half.

    Random letters would spell words that some SDK takes for a secret, and removes.
    """
    head, tail = f"evt-{number:06d} ", f" end-{number:06d}"
    if poison:
        head += POISON + " "
    room = max(0, size - len(head) - len(tail))
    noise = random.Random(number).randbytes(room // 2 + 1).hex()  # noqa: S311 -- the same each time
    return head + noise[:room] + tail


def say(stage: str, **facts: object) -> None:
    """Tell the harness."""
    line = json.dumps({"stage": stage, "at": time.monotonic(), **facts}) + "\n"
    os.write(int(os.environ["FAULTS_REPORT"]), line.encode())


def live(open_sdk: Callable[[str], Sdk]) -> None:
    """Run the phase that the command line asks for, with the SDK that *open_sdk* opens."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--phase", required=True, choices=["flush", "linger", "stay", "leave", "fork"])
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--size", type=int, default=200)
    parser.add_argument("--poison", type=int, default=-1)
    asked = parser.parse_args()
    numbers = range(asked.first, asked.first + asked.count)
    texts = [(n, text(n, asked.size, poison=n == asked.poison)) for n in numbers]
    sdk = open_sdk(asked.endpoint)
    say("started")
    for number, content in texts:
        sdk.emit(number, content)
    children = fork(sdk, asked.count, asked.size) if asked.phase == "fork" else []
    say("emitted")
    if asked.phase == "stay":
        threading.Thread(target=sdk.flush, daemon=True).start()
        time.sleep(3600)
    for child in children:
        os.waitpid(child, 0)
    if asked.phase != "leave":
        sdk.flush()
        say("flushed", **sdk.report())
    if asked.phase == "linger":
        sys.stdin.readline()
        sdk.flush()
        say("flushed again", **sdk.report())
    say("done")


def fork(sdk: Sdk, count: int, size: int) -> list[int]:
    """Fork children that each emit as many events as the parent did, flush and end."""
    children = []
    for child in range(1, FORKS + 1):
        pid = os.fork()
        if pid:
            children.append(pid)
            continue
        try:
            for number in range(child * count, (child + 1) * count):
                sdk.emit(number, text(number, size))
            sdk.flush()
        finally:
            os._exit(0)
    return children

"""What tracking costs the caller, against agentsight 0.1.4 in the same run: p50 and memory per message."""

import gc
import os
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any

import peers

PEER = "agentsight==0.1.4"
CALLS = 20_000
ROUNDS = 5
PER_TURN = 100
KEY = "ags_" + "0" * 32 + "_" + "0" * 6
NOWHERE = "http://127.0.0.1:9"
TEXTS = [
    f"{number} " + "It is a truth universally acknowledged that a message has a text. " * 15
    for number in range(64)
]


def ours(durability: str) -> tuple[Callable[[str], None], Callable[[], None]]:
    """Make a track call, and what begins a turn."""
    from agentsight_otel import ConversationTracker

    os.environ["AGENTSIGHT_DURABILITY"] = durability
    if durability == "memory":
        tracker = ConversationTracker(conversation_id="bench", memory_max_bytes=2**33)
    else:
        os.environ["AGENTSIGHT_SPOOL_DIR"] = tempfile.mkdtemp()
        tracker = ConversationTracker(
            api_key=KEY, endpoint=NOWHERE, conversation_id="bench", memory_max_bytes=2**33
        )
    return tracker.track_human_message, lambda: None


def peer() -> tuple[Callable[[str], None], Callable[[], None]]:
    """Make the peer's message call, and what begins a turn; its exporter discards."""
    peers.use(PEER)
    import agentsight
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

    class Discard(SpanExporter):
        def export(self, _: object) -> SpanExportResult:
            return SpanExportResult.SUCCESS

    agentsight.init(KEY, endpoint=NOWHERE, span_exporter=Discard(), verify_key=False, auto_instrument=False)
    agentsight.conversation("bench").__enter__()
    turns: list[Any] = []

    def begin() -> None:
        if turns:
            turns.pop().__exit__(None, None, None)
        turns.append(agentsight.turn())
        turns[0].__enter__()

    return agentsight.user_message, begin


def p50(call: Callable[[str], None], begin: Callable[[], None]) -> float:
    """Return the median of one call in microseconds, the clock's own cost taken off."""
    clock = time.perf_counter_ns
    samples: list[int] = []
    empty = sorted(clock() - clock() for _ in range(10_000))[5_000]
    for number in range(CALLS):
        if number % PER_TURN == 0:
            begin()
        text = TEXTS[number % 64]
        started = clock()
        call(text)
        samples.append(clock() - started)
    return (sorted(samples)[CALLS // 2] + empty) / 1000


def buffered(call: Callable[[str], None], begin: Callable[[], None]) -> float:
    """Return bytes held per buffered message; the texts are shared and do not count."""
    begin()
    call(TEXTS[0])
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(PER_TURN):
        call(TEXTS[number % 64])
    gc.collect()
    return (tracemalloc.get_traced_memory()[0] - before) / PER_TURN


def worker(subject: str, what: str) -> None:
    """Measure one thing in this process and print it."""
    call, begin = peer() if subject == "peer" else ours(subject)
    print(p50(call, begin) if what == "p50" else buffered(call, begin))


def main() -> None:
    """Measure in turn and print the ratios."""
    peers.install(PEER)
    names = {
        "memory": "track_human_message, journal off",
        "process": "the same, on disk",
        "peer": f"{PEER} user_message",
    }
    for what, unit in (("p50", "us"), ("memory", "bytes")):
        subjects = {s: partial(peers.in_process, __file__, s, what) for s in names}
        medians = peers.interleaved(ROUNDS, subjects)
        rows = [(f"{what} per message", unit, "ratio to the peer")]
        rows += [(names[s], f"{v:.2f}", f"{v / medians['peer']:.2f}") for s, v in medians.items()]
        peers.table(rows)
        print()


if __name__ == "__main__":
    worker(*sys.argv[1:]) if sys.argv[1:] and sys.argv[1] in {"memory", "process", "peer"} else main()

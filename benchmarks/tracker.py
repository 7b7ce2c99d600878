"""What recording costs the caller, against agentsight 0.1.4 in the same run: p50, p99 and memory per message.

The peer's row is its message call within an open turn, which keeps the text in memory. A span row is
``span.end()`` of a turn with one such message on an SDK provider: bare, and with our processors.
"""

import gc
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks import peers

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


Subject = tuple[Callable[[str], Callable[[], object]], Callable[[], None]]
"""What prepares a call, of which only the call is timed; and what is done before every hundred."""


def track(durability: str) -> Subject:
    """Track a message."""
    from agentsight_otel import ConversationTracker

    tracker = ConversationTracker(conversation_id="bench", memory_max_bytes=2**33, **settings(durability))
    return lambda text: partial(tracker.track_human_message, text), lambda: None


def span(durability: str) -> Subject:
    """End a span that holds a message; ``bare`` has no processor."""
    from opentelemetry.sdk.trace import TracerProvider

    import agentsight_otel

    provider = TracerProvider()
    if durability != "bare":
        key = {"api_key": KEY, "endpoint": NOWHERE}
        given = {**key, **settings(durability), "memory_max_bytes": 2**33}
        agentsight_otel.configure(tracer_provider=provider, **given)
    tracer = provider.get_tracer("bench")
    attributes = {"agentsight.span.kind": "turn", "agentsight.conversation.id": "bench"}

    def prepare(text: str) -> Callable[[], object]:
        started = tracer.start_span("turn", attributes=attributes)
        message = {"agentsight.message.sender": "end_user", "agentsight.message.content": text}
        started.add_event("agentsight.message", message)
        return partial(started.end)

    return prepare, lambda: None


def settings(durability: str) -> dict[str, Any]:
    """Return what sets the durability."""
    if durability == "memory":
        return {"durability": durability}
    place = {"durability": durability, "spool_dir": tempfile.mkdtemp()}
    return {**place, "api_key": KEY, "endpoint": NOWHERE}


def peer(_: str) -> Subject:
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

    return lambda text: partial(agentsight.user_message, text), begin


def percentile(subject: Subject, share: float) -> float:
    """Return a percentile of one call in microseconds, the clock's own cost taken off."""
    prepare, begin = subject
    clock = time.perf_counter_ns
    samples: list[int] = []
    empty = sorted(clock() - clock() for _ in range(10_000))[5_000]
    for first in range(0, CALLS, PER_TURN):
        begin()
        for call in [prepare(TEXTS[number % 64]) for number in range(first, first + PER_TURN)]:
            started = clock()
            call()
            samples.append(clock() - started)
    return (sorted(samples)[int(CALLS * share)] + empty) / 1000


def buffered(subject: Subject) -> float:
    """Return bytes held per buffered message; the texts are shared and do not count."""
    prepare, begin = subject
    begin()
    prepare(TEXTS[0])()
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(PER_TURN):
        prepare(TEXTS[number % 64])()
    gc.collect()
    return (tracemalloc.get_traced_memory()[0] - before) / PER_TURN


ROWS = {
    "track memory": "track_human_message, journal off",
    "track process": "the same, on disk",
    "span bare": "span.end(), no processor",
    "span memory": "span.end(), journal off",
    "span process": "the same, on disk",
    "peer -": f"{PEER} user_message",
}
MAKERS = {"track": track, "span": span, "peer": peer}
MEASURES: dict[str, tuple[str, Callable[[Subject], float]]] = {
    "p50": ("us", partial(percentile, share=0.5)),
    "p99": ("us", partial(percentile, share=0.99)),
    "memory": ("bytes", buffered),
}


def main() -> None:
    """Measure in turn and print the ratios."""
    peers.install(PEER)
    for what, (unit, _) in MEASURES.items():
        names = [name for name in ROWS if what != "memory" or not name.startswith("span")]
        subjects = {name: partial(peers.in_process, "tracker", what, *name.split()) for name in names}
        medians = peers.interleaved(ROUNDS, subjects)
        rows = [(f"{what} per message", unit, "ratio to the peer")]
        rows += [(ROWS[n], f"{v:.2f}", f"{v / medians['peer -']:.2f}") for n, v in medians.items()]
        peers.table(rows)
        print()


if __name__ == "__main__":
    if sys.argv[1:] and sys.argv[1] in MEASURES:
        what, maker, durability = sys.argv[1:]
        print(MEASURES[what][1](MAKERS[maker](durability)))
    else:
        main()

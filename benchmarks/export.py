"""Exporting, against agentsight 0.1.4 in the same run: spans per second, and what it does to callers."""

import gc
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any

from benchmarks import peers

PEER = "agentsight==0.1.4"
KEY = "ags_" + "0" * 32 + "_" + "0" * 6
SPANS = 512
BATCHES = 12
ROUNDS = 5
PROSE = " ".join(topics.values())
TEXT_LENGTH = 1100
STALL_BATCHES = 40
PACE = 0.0005

Subject = tuple[Callable[[list[Any]], None], Callable[[], None]]
"""Its export and its flush."""


@contextmanager
def backend(*arguments: str) -> Iterator[str]:
    """Run the stub in its own process."""
    command = [sys.executable, str(Path(__file__).with_name("stub.py")), *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdin
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.stdin.close()


def batches(count: int) -> list[list[Any]]:
    """Make finished spans: 16 conversations, five attributes, two messages of about 1,100 characters each."""
    from opentelemetry.sdk.trace import TracerProvider

    tracer = TracerProvider().get_tracer("bench")
    made: list[list[Any]] = []
    for number in range(count):
        spans = []
        for index in range(SPANS):
            span = tracer.start_span(
                "turn",
                attributes={
                    "agentsight.conversation.id": f"conv-{index % 16}",
                    "agentsight.span.kind": "turn",
                    "agentsight.turn.id": "0" * 16,
                    "agentsight.turn.complete": True,
                    "agentsight.conversation.customer_id": "ada",
                },
            )
            for sender in ("end_user", "agent"):
                place = (number * SPANS + index) * 997 % (len(PROSE) - TEXT_LENGTH)
                text = PROSE[place : place + TEXT_LENGTH]
                span.add_event(
                    "agentsight.message",
                    {"agentsight.message.sender": sender, "agentsight.message.content": text},
                )
            span.end()
            spans.append(span)
        made.append(spans)
    return made


def ours(url: str, durability: str) -> Subject:
    """Make our export and flush."""
    from agentsight_otel.exporters import AgentSightSpanExporter

    exporter = AgentSightSpanExporter(
        api_key=KEY, endpoint=url, durability=durability, memory_max_bytes=2**33
    )

    def flush() -> None:
        assert exporter.force_flush(60_000)

    return exporter.export, flush  # type: ignore[return-value]


def peer(url: str) -> Subject:
    """Make the peer's export, which returns when the answer is there."""
    peers.use(PEER)
    from agentsight.sdk.exporter import AgentSightSpanExporter

    exporter = AgentSightSpanExporter(url, KEY, logging.getLogger("peer"))
    return exporter.export, lambda: None


def subject(name: str, url: str) -> Subject:
    """Return export and flush of a subject."""
    return peer(url) if name == "peer" else ours(url, name)


@contextmanager
def warm(name: str, *backend_arguments: str) -> Iterator[tuple[*Subject, list[list[Any]]]]:
    """Give a subject that has exported once, and the batches to measure with."""
    with backend(*backend_arguments) as url:
        export, flush = subject(name, url)
        first, *made = batches(BATCHES + 1)
        gc.collect()
        gc.freeze()
        export(first)
        flush()
        yield export, flush, made


def delivered(name: str, *backend_arguments: str) -> float:
    """Return spans per second from the first export to the last answer."""
    with warm(name, *backend_arguments) as (export, flush, made):
        started = time.perf_counter()
        for spans in made:
            export(spans)
        flush()
        return BATCHES * SPANS / (time.perf_counter() - started)


def compressed(name: str) -> float:
    """Return the same against a backend that takes gzip, which both then send."""
    if name == "peer":
        peers.use(PEER)
        from agentsight import _settings

        # What its preflight does with the backend's answer.
        _settings.learn_capabilities(["gzip-ingest"])
    return delivered(name, "gzip")


def call(name: str) -> float:
    """Return spans per second of export() itself: ours returns when journaled, the peer's when sent."""
    with warm(name) as (export, flush, made):
        spent = 0.0
        for spans in made:
            started = time.perf_counter()
            export(spans)
            spent += time.perf_counter() - started
            flush()
        return BATCHES * SPANS / spent


def stall(name: str) -> float:
    """Return the 99.9th percentile of a paced track call, in milliseconds, while exporting at full speed."""
    from agentsight_otel import ConversationTracker

    os.environ.pop("AGENTSIGHT_API_KEY", None)
    tracker = ConversationTracker(conversation_id="stall", memory_max_bytes=2**33)
    with backend() as url:
        export, flush = subject(name, url)
        made = batches(STALL_BATCHES)
        gc.collect()
        gc.freeze()
        done = threading.Event()

        def work() -> None:
            for spans in made:
                export(spans)
                flush()
            done.set()

        thread = threading.Thread(target=work)
        samples = []
        thread.start()
        while not done.is_set():
            time.sleep(PACE)
            started = time.perf_counter_ns()
            tracker.track_human_message("hello")
            samples.append(time.perf_counter_ns() - started)
        thread.join()
    return sorted(samples)[int(len(samples) * 0.999)] / 1e6


MEASURES = {
    "delivered": (delivered, "spans/s, export() to delivered"),
    "compressed": (compressed, "spans/s, the same with gzip"),
    "call": (call, "spans/s, export() alone"),
    "stall": (stall, "ms, p99.9 of a track call meanwhile"),
}


def main() -> None:
    """Measure in turn and print the ratios."""
    peers.install(PEER)
    names = {"memory": "ours, journal off", "process": "ours, on disk", "peer": PEER}
    for what, (_, unit) in MEASURES.items():
        subjects = {n: partial(peers.in_process, "export", what, n) for n in names}
        medians = peers.interleaved(ROUNDS, subjects)
        rows = [(what, unit, "ratio to the peer")]
        rows += [(names[n], f"{v:,.2f}", f"{v / medians['peer']:.2f}") for n, v in medians.items()]
        peers.table(rows)
        print()


if __name__ == "__main__":
    if sys.argv[1:] and sys.argv[1] in MEASURES:
        print(MEASURES[sys.argv[1]][0](sys.argv[2]))
    else:
        main()

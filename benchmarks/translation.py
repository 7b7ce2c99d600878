"""Translating and encoding other people's spans, against the stock OTLP exporter's encoding of them.

Each combination is measured with the corpus's own texts, which are a line each; with texts as long as people
and models write them; and in a conversation of many turns of such texts, each of which repeats those before.
"""

import itertools
import logging
import re
import statistics
import time
from pathlib import Path
from typing import Any

import msgspec
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from agentsight_otel.translation.assembly import Assembler
from agentsight_otel.translation.readable import from_readable_span
from agentsight_otel.translation.span_data import SpanData
from benchmarks import peers

CORPUS = Path(__file__).parent.parent / "tests" / "corpus"
COMBINATIONS = (
    "openai_genai",
    "openai_openinference",
    "openai_traceloop",
    "langgraph_openinference",
    "pydantic_ai_native",
    "openai_agents_openinference",
    "vercel_ai_v7",
)
SCENARIOS = {"short": ("basic", "tools"), "long": ("basic", "tools"), "36 turns": ("long_history",)}
"""Texts of a line; texts as people and models write them; a long conversation of such texts."""
IDS = re.compile(r"\b(?:conv-[a-z_-]*|chatcmpl-|resp_|call_)(?=\d)")
SYSTEM = "You are the assistant of a lamp shop. Use the tools you have."
LENGTHS = {"end_user": 300, "agent": 1_200, "system": 2_000}
"""Characters of prose that each text gets where they are long."""
COPIES = 12
ROUNDS = 8
STATUS = {"unset": StatusCode.UNSET, "ok": StatusCode.OK, "error": StatusCode.ERROR}


class RecordedIds(IdGenerator):
    """Gives the next span the ids that were recorded."""

    trace_id = span_id = 0

    def generate_trace_id(self) -> int:
        """Return the recorded one."""
        return self.trace_id

    def generate_span_id(self) -> int:
        """Return the recorded one."""
        return self.span_id


def prose(start: int, length: int) -> str:
    """Return some of our documentation, without what JSON would have to escape."""
    words = re.sub(
        r"[^A-Za-z0-9 ,.;:()]+", " ", (CORPUS.parent.parent / "ARCHITECTURE.md").read_text("utf-8")
    )
    first = start * 97 % (len(words) - length)
    return words[first : first + length]


def recorded(combination: str, copy: int, *, kind: str = "short") -> list[SpanData]:
    """Load the recordings of a combination, as if other people had had the same exchange.

    Traces, conversations, responses, tool calls and what was said are each copy's own: no cache may profit
    from what real conversations would not share.
    """
    spans: list[SpanData] = []
    for scenario in SCENARIOS[kind]:
        folder = CORPUS / combination / scenario
        text = IDS.sub(rf"\g<0>{copy}-", (folder / "spans.json").read_text("utf-8"))
        expected = msgspec.json.decode((folder / "expected.json").read_bytes())
        said = {m["text"]: m["sender"] for one in expected["conversations"] for m in one["messages"]}
        for number, (words, sender) in enumerate(said.items()):
            more = prose(copy * 100 + number, LENGTHS[sender]) if kind != "short" else ""
            text = text.replace(words, f"{words} That is all for {copy}. {more}")
        if kind != "short":
            text = text.replace(SYSTEM, f"{SYSTEM} {prose(0, LENGTHS['system'])}")
        spans += msgspec.json.decode(text, type=list[SpanData])
    return spans


def through_the_sdk(combination: str, copies: range, *, kind: str = "short") -> list[ReadableSpan]:
    """Make the spans once more with the SDK, which keeps them in its own way."""
    logging.getLogger("opentelemetry.attributes").setLevel(logging.ERROR)  # it warns of each that it drops
    ids, finished = RecordedIds(), InMemorySpanExporter()
    resource = Resource(recorded(combination, 0)[0].resource)
    provider = TracerProvider(resource=resource, id_generator=ids)
    provider.add_span_processor(SimpleSpanProcessor(finished))
    for copy in copies:
        for span in recorded(combination, copy, kind=kind):
            ids.trace_id, ids.span_id = int(span.trace_id, 16) ^ (copy << 64), int(span.span_id, 16)
            parent = SpanContext(
                ids.trace_id, int(span.parent_span_id or "0", 16), is_remote=False, trace_flags=TraceFlags(1)
            )
            made = provider.get_tracer(span.scope.name, span.scope.version).start_span(
                span.name,
                set_span_in_context(NonRecordingSpan(parent)),
                SpanKind[span.kind.upper()],
                # What the SDK dropped was there first, so that it is dropped again.
                {f"dropped.{n}": n for n in range(span.dropped_attributes)} | span.attributes,
                start_time=span.start_ns,
            )
            for event in span.events:
                made.add_event(event.name, event.attributes, event.time_ns)
            if span.status != "unset":
                made.set_status(STATUS[span.status], span.status_description or None)
            made.end(span.end_ns)
    return list(finished.get_finished_spans())


def ours(spans: list[ReadableSpan]) -> int:
    """Convert, assemble and encode; return the bytes that go on the wire."""
    assembler = Assembler()
    assembler.add(map(from_readable_span, spans), 0)
    return sum(sum(map(len, block.spans)) for block in assembler.drain().blocks)


def otlp(spans: list[ReadableSpan]) -> int:
    """Encode as the stock exporter does; return the bytes that go on the wire."""
    return len(encode_spans(spans).SerializeToString())


def timed(function: Any, spans: list[ReadableSpan]) -> float:
    """Return microseconds of processor time per span."""
    started = time.process_time()
    function(spans)
    return (time.process_time() - started) / len(spans) * 1e6


def measured(rounds: list[list[ReadableSpan]]) -> list[float]:
    """Return our microseconds per span and OTLP's, the median of the rounds.

    Whoever is first reads the spans from memory, the other finds them in the processor's caches: each is
    first in every other round.
    """
    times: dict[Any, list[float]] = {ours: [], otlp: []}
    for number, spans in enumerate(rounds):
        for function in (ours, otlp) if number % 2 else (otlp, ours):
            times[function].append(timed(function, spans))
    return [statistics.median(values) for values in times.values()]


def main() -> None:
    """Measure each combination in turn and print the ratio."""
    rows = [("spans of", "texts", "spans", "bytes", "ours us/span", "OTLP us/span", "spans/s against OTLP")]
    total: dict[str, list[float]] = {kind: [0.0, 0.0] for kind in (*SCENARIOS, "one of each", "every one")}
    for kind, combination in itertools.product(SCENARIOS, COMBINATIONS):
        rounds = [
            through_the_sdk(combination, range(first, first + COPIES), kind=kind)
            for first in range(0, ROUNDS * COPIES, COPIES)
        ]
        spans = rounds[0]
        mine, theirs = measured(rounds)
        for name, number in ((kind, 1), ("one of each", 1), ("every one", len(spans))):
            total[name][0] += mine * number
            total[name][1] += theirs * number
        figures = (f"{mine:.0f}", f"{theirs:.0f}", f"{theirs / mine:.2f}")
        rows.append((combination, kind, str(len(spans)), str(otlp(spans) // len(spans)), *figures))
    for kind, (mine, theirs) in total.items():
        rows.append(("all", kind, "", "", f"{mine:.0f}", f"{theirs:.0f}", f"{theirs / mine:.2f}"))
    peers.table(rows)


if __name__ == "__main__":
    main()

"""What holds for any order, any batches, any repetition, and any nonsense."""

from __future__ import annotations

import json
import random
from collections import deque
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from translation_samples import SAMPLES, Sample
from translation_spans import START, assembled, record

from agentsight_otel.translation.assembly import Assembler
from agentsight_otel.translation.block import Block
from agentsight_otel.translation.span_data import LogData, SpanData
from tests.corpus.fidelity import CORPUS, load

FOLDERS = sorted(
    path.parent
    for name in ("tools", "interleaved", "delegate", "double", "trimmed")
    for path in CORPUS.glob(f"*/{name}/expected.json")
)
# A trace of these says everything itself. The answers of openai_agents_traceloop stand only in the next
# turn's history; which calls are a sub-agent's, or the same seen twice, is known from the traces around them.
ALONE = [
    folder
    for folder in FOLDERS
    if folder.name in {"tools", "interleaved", "trimmed"} and folder.parent.name != "openai_agents_traceloop"
]
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@cache
def recording(folder: Path) -> tuple[list[SpanData], list[LogData]]:
    """The spans and log records in *folder*."""
    found = load(folder)
    return found.spans, found.logs


def merged(blocks: list[Block]) -> dict[str, dict[str, Any]]:
    """By conversation, its wire spans by id and its fields: what a backend keeps."""
    kept: dict[str, dict[str, Any]] = {}
    for block in blocks:
        one = kept.setdefault(block.conversation_id, {"fields": {}, "spans": {}, "uploads": set()})
        one["fields"].update(block.fields)
        one["spans"].update({json.loads(raw)["span_id"]: json.loads(raw) for raw in block.spans})
        one["uploads"] |= {upload.key for upload in block.uploads}
    return kept


def in_order(spans: list[SpanData], logs: list[LogData]) -> dict[str, dict[str, Any]]:
    """What comes of everything given at once."""
    assembler = Assembler()
    assembler.add_logs(logs, START)
    return merged(assembler.add(spans, START).blocks + assembler.drain().blocks)


def shuffled(logs: list[LogData], chance: random.Random) -> list[LogData]:
    """All twice in any order, but for those of the same moment, whose order nothing else tells."""
    moments: dict[int, deque[LogData]] = {}
    for log in (twice := [*logs, *logs]):
        moments.setdefault(log.event.time_ns, deque()).append(log)
    chance.shuffle(twice)
    return [moments[log.event.time_ns].popleft() for log in twice]


@QUICK
@given(st.sampled_from(FOLDERS), st.randoms(use_true_random=False), st.integers(1, 7))
def test_order_batches_and_repetition_change_nothing(folder: Path, chance: random.Random, size: int) -> None:
    """The same spans in any order, split over any batches, exported twice: the same conversations."""
    spans, logs = recording(folder)
    mixed = [*spans, *spans]
    chance.shuffle(mixed)
    told = shuffled(logs, chance)
    assembler = Assembler()
    blocks: list[Block] = []
    for start in range(0, max(len(mixed), len(told)), size):
        assembler.add_logs(told[start : start + size], START)
        blocks += assembler.add(mixed[start : start + size], START).blocks
    blocks += assembler.drain().blocks
    assert merged(blocks) == in_order(spans, logs)


@QUICK
@given(st.sampled_from(FOLDERS), st.randoms(use_true_random=False))
def test_every_span_is_accounted_for_once(folder: Path, chance: random.Random) -> None:
    """Each span is a source of exactly one block or filtered; a repetition is filtered."""
    spans, _ = recording(folder)
    mixed = list(spans)
    chance.shuffle(mixed)
    assembler = Assembler()
    results = [assembler.add(mixed, START), assembler.drain(), assembler.add(mixed, START), assembler.drain()]
    sources = [key for result in results for block in result.blocks for key in block.sources]
    filtered = [key for result in results[:2] for key, _ in result.filtered]
    assert sorted(sources + filtered) == sorted(span.key for span in spans)
    assert len(results[2].filtered) + len(results[3].filtered) == len(spans)
    assert assembler.pending == 0


@pytest.mark.parametrize("folder", ALONE, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_a_restart_after_every_trace_gives_the_same_messages(folder: Path) -> None:
    """Processes that see one trace each, and remember nothing, name the same messages as one."""
    spans, logs = recording(folder)
    parts: list[Block] = []
    for trace in sorted({span.trace_id for span in spans}):
        assembler = Assembler()
        assembler.add_logs([log for log in logs if log.trace_id == trace], START)
        parts += assembler.add([span for span in spans if span.trace_id == trace], START).blocks
        parts += assembler.drain().blocks
    restarted = merged(parts)
    for conversation, kept in in_order(spans, logs).items():
        assert _message_ids(kept) == _message_ids(restarted[conversation])


def _message_ids(kept: dict[str, Any]) -> set[str]:
    return {
        event["attributes"]["agentsight.message.id"]
        for span in kept["spans"].values()
        for event in span["events"]
        if event["name"] == "agentsight.message"
    }


# --- malformed ----------------------------------------------------------------------------------------

NONSENSE: tuple[Any, ...] = (
    None, True, -1, 2**62, float("nan"), "", " ", "{", "[", "[[", '{"a":', "null", "[]", "{}", '"', "\x00",
    "é" * 9, "[" * 5000, '[{"role":' * 300, b"\xff\xfe", "x" * 20_000, "NaN", "-Infinity",
    '{"messages":[{"role":"user","content":{"parts":[{"parts":[{}]}]}}]}', '[{"role":"user","content":"cut',
    [], {}, [None], [[]], {"role": None}, {"role": "user"}, [{"role": 5, "parts": "x"}],
    [{"parts": [None, 3, []]}], {"messages": {"messages": {"messages": []}}}, [1, "a", {"type": "tool_call"}],
    [{"type": "tool_call", "id": 3}], [{"role": "tool", "content": None}],
    [{"role": "assistant", "tool_calls": "x"}], json.dumps({"kwargs": {"kwargs": {"kwargs": 1}}}),
    [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,@@"}}]}],
)  # fmt: skip
MARK = "of another conversation"
RECORDED = (
    "anthropic_logfire",
    "bedrock_openinference",
    "bedrock_otel",
    "bedrock_traceloop",
    "cohere_traceloop",
    "langfuse_observe",
    "langgraph_langfuse",
    "mastra_otel",
    "ollama_traceloop",
    "openai_agents_logfire",
    "openai_logfire",
    "openai_logfire_v4",
)


def spoiled(spans: list[SpanData], chance: random.Random) -> list[SpanData]:
    """The spans with some attributes, events or relations replaced by nonsense."""
    result = []
    for span in spans:
        attributes = dict(span.attributes)
        for key in list(attributes):
            roll = chance.random()
            if roll < 0.25:
                attributes[key] = chance.choice(NONSENSE)
            elif roll < 0.35:
                del attributes[key]
            elif roll < 0.45 and isinstance(attributes[key], str):
                attributes[key] = attributes[key][: chance.randrange(len(attributes[key]) + 1)]
        for key in list(attributes):
            if chance.random() < 0.05:
                attributes[key + ".0.message.content"] = chance.choice(NONSENSE)
        events = tuple(
            msgspec.structs.replace(
                event,
                attributes={k: chance.choice(NONSENSE) for k in event.attributes},
                body=chance.choice(NONSENSE),
            )
            if chance.random() < 0.3
            else event
            for event in span.events
        )
        parent = chance.choice([span.parent_span_id, span.span_id, "", None, "f" * 16])
        result.append(
            msgspec.structs.replace(span, attributes=attributes, events=events, parent_span_id=parent)
        )
    return result


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_malformed_spans_never_raise_nor_mix_conversations(sample: Sample) -> None:
    """200 spoiled variants of a convention: no exception, no other conversation's text."""
    chance = random.Random(sample.name)  # noqa: S311 -- not a secret
    good = record(*sample.roots)
    neighbour = [_moved(span) for span in good]
    for _ in range(200):
        bad = spoiled(good, chance)
        blocks = assembled([*bad, *neighbour])
        for block in blocks:
            foreign = MARK.encode() in b"".join(block.spans)
            assert foreign == (block.conversation_id == "conv-2")
            for raw in block.spans:
                json.loads(raw)
        sources = [key for block in blocks for key in block.sources]
        assert len(set(sources)) == len(sources)


@pytest.mark.parametrize("combination", RECORDED)
def test_malformed_recordings_never_raise_nor_mix_conversations(combination: str) -> None:
    """The same for conventions that are known by their recordings alone."""
    chance = random.Random(combination)  # noqa: S311 -- not a secret
    good, logs = recording(CORPUS / combination / "tools")
    neighbour = [_moved(span) for span in record(*SAMPLES[0].roots)]
    for _ in range(200):
        assembler = Assembler()
        assembler.add_logs(logs, START)
        blocks = assembler.add([*spoiled(good[:12], chance), *neighbour], START).blocks
        blocks += assembler.drain().blocks
        for block in blocks:
            foreign = MARK.encode() in b"".join(block.spans)
            assert foreign == (block.conversation_id == "conv-2")
            for raw in block.spans:
                json.loads(raw)


def _moved(span: SpanData) -> SpanData:
    """The span as one of another conversation, in another trace, with texts of its own."""
    text = msgspec.json.encode(span).decode()
    text = text.replace("conv-1", "conv-2").replace("Is it in stock?", MARK).replace("call_1", "call_2")
    text = text.replace(span.trace_id, f"{int(span.trace_id, 16) ^ 1:032x}")
    moved = msgspec.json.decode(text, type=SpanData)
    return msgspec.structs.replace(
        moved, attributes={**moved.attributes, "agentsight.conversation.id": "conv-2"}
    )

"""Calls of embeddings models: counted among the model calls, and nothing anyone said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agentsight_otel.translation.assembly import Assembler
from agentsight_otel.translation.span_data import SpanData

CALLS = {
    "otel": {
        "gen_ai.operation.name": "embeddings",
        "gen_ai.request.model": "embedder",
        "gen_ai.usage.input_tokens": 42,
    },
    "openinference": {
        "openinference.span.kind": "EMBEDDING",
        "embedding.model_name": "embedder",
        "llm.token_count.prompt": 42,
    },
}


Told = tuple[str, str | None, dict[str, Any]]
"""The name, parent and attributes of a span."""


def given(*spans: Told) -> list[SpanData]:
    """Make the spans of one trace."""
    start = 10**18
    return [
        SpanData(
            "a" * 32, f"{number:016x}", name, start + number, start + 1000 - number, parent, attributes=told
        )
        for number, (name, parent, told) in enumerate(spans, 1)
    ]


def wire(*spans: Told, export_all: bool = False) -> list[dict[str, Any]]:
    """Return the wire spans of one trace; turns left out."""
    assembler = Assembler(export_all=export_all)
    blocks = [*assembler.add(given(*spans), 0).blocks, *assembler.drain().blocks]
    found = [json.loads(span) for block in blocks for span in block.spans]
    return [span for span in found if span["kind"] != "turn"]


@pytest.mark.parametrize("convention", CALLS)
def test_embeddings_call_is_a_model_call(convention: str) -> None:
    """It is of kind `llm` with the operation and the tokens in the contract's own place for them."""
    [call] = wire(("embed", None, CALLS[convention] | {"session.id": "c"}))
    told = call["attributes"]
    assert call["kind"] == "llm"
    assert told["gen_ai.operation.name"] == "embeddings"
    assert told["gen_ai.request.model"] == "embedder"
    assert told["agentsight.llm.embedding_tokens"] == 42
    assert (told["gen_ai.usage.input_tokens"], told["gen_ai.usage.output_tokens"]) == (0, 0)


def test_a_frameworks_span_around_the_call_counts_nothing() -> None:
    """Of nested embeddings spans only the innermost is the call."""
    outer = {"openinference.span.kind": "EMBEDDING", "session.id": "c"}
    spans = wire(("embed documents", None, outer), ("embed", f"{1:016x}", CALLS["otel"]))
    assert sorted(span["kind"] for span in spans) == ["embedding", "llm"]


def test_an_index_is_no_conversation() -> None:
    """Calls in a trace where nobody speaks and no conversation is named are left out."""
    alone = ("embed", None, CALLS["otel"])
    assembler = Assembler()
    spans = given(alone, ("store", f"{1:016x}", {}))
    assembler.add(spans, 0)
    done = assembler.drain()
    assert done.blocks == []
    assert dict(done.filtered) == dict.fromkeys((span.key for span in spans), "no_conversation")
    assert [span["kind"] for span in wire(alone, export_all=True)] == ["llm"]


def test_a_lookup_before_an_answer_is_part_of_its_conversation() -> None:
    """Beside a model call that speaks, the same call belongs to the trace's conversation."""
    chat = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"hello"}]}]',
    }
    spans = wire(("rag", None, {}), ("embed", f"{1:016x}", CALLS["otel"]), ("chat m", f"{1:016x}", chat))
    assert sorted(span["attributes"].get("gen_ai.request.model", "") for span in spans) == ["embedder", "m"]

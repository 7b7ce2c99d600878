"""Spans of shapes that nobody expects, on each of which translation once failed."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace
from translation_spans import S, assembled, record, transcript

from agentsight_otel.translation.assembly import Assembler
from agentsight_otel.translation.span_data import SpanData

CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.conversation.id": "c1",
    "gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]),
}
ELSEWHERE = {"agentsight.conversation.id": "c2"}
TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "find", "gen_ai.conversation.id": "c1"}
BLOCKS = [{"type": {"name": "text"}, "text": "here"}]


def odd(kind: str) -> list[SpanData]:
    """Make a trace of an odd shape."""
    if kind == "a span of another conversation that says nothing, below a model call":
        return record(S("chat m", CHAT, [S("GET /", ELSEWHERE)]))
    if kind == "a tool's result in blocks whose type is no text":
        return record(S("find", {**TOOL, "gen_ai.tool.call.result": json.dumps(BLOCKS)}), S("chat m", CHAT))
    [span] = record(S("chat m", CHAT))
    return [span, replace(span, span_id="1" * 16, attributes={"agentsight.span.kind": ["tool"], **ELSEWHERE})]


@pytest.mark.parametrize(
    "kind",
    [
        "a span of another conversation that says nothing, below a model call",
        "a tool's result in blocks whose type is no text",
        "a kind of ours that is a list",
    ],
)
def test_odd_spans_are_translated(kind: str) -> None:
    """Each is translated with what is beside it."""
    blocks = assembled(odd(kind))
    assert "Hi" in str(transcript(blocks))
    assert Assembler().add(odd(kind), 0).filtered == []

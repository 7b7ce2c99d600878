from __future__ import annotations

import json

import pytest
from translation_samples import ARGUMENTS, ASK, CONVERSATION, CUSTOMER, REPLY, RESULT, SAMPLES, Sample
from translation_spans import S, assembled, record, transcript, wire

from agentsight_otel.translation.dialects import DIALECTS, KIND_ORDER, Kind, walk
from agentsight_otel.translation.dialects.annotations import read_annotations
from agentsight_otel.translation.dialects.flattened import split_number, unflatten
from agentsight_otel.translation.dialects.messages import read_messages
from agentsight_otel.translation.dialects.values import as_count, as_id, load
from agentsight_otel.translation.span_data import SpanData


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_an_exchange_of_each_convention(sample: Sample) -> None:
    """Messages, tool, tokens, conversation and customer of the same exchange, whoever wrote it down."""
    [block] = assembled(record(*sample.roots))
    assert block.conversation_id == CONVERSATION
    assert transcript([block]) == [("end_user", ASK), ("agent", REPLY)]
    assert block.fields.get("customer_id") == (CUSTOMER if sample.customer else None)
    [tool] = wire([block], "tool")
    assert tool["attributes"]["agentsight.tool.name"] == "stock"
    assert json.loads(tool["attributes"]["agentsight.tool.arguments"]) == ARGUMENTS
    assert json.loads(tool["attributes"]["agentsight.tool.response"]) == RESULT
    if sample.tokens:
        counts = [span["attributes"] for span in wire([block], "llm")]
        assert sum(one.get("gen_ai.usage.input_tokens", 0) for one in counts) == 25
        assert sum(one.get("agentsight.llm.cache_read_tokens", 0) for one in counts) == 5
        assert sum(one.get("gen_ai.usage.output_tokens", 0) for one in counts) == 7


def test_names_are_unique_and_ordered() -> None:
    """A convention is one table, and the order of kinds names only tables that exist."""
    names = [dialect.name for dialect in DIALECTS]
    assert len(names) == len(set(names))
    assert set(KIND_ORDER) <= set(names)


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ({"openinference.span.kind": "TOOL", "gen_ai.operation.name": "chat"}, Kind.TOOL),
        ({"gen_ai.operation.name": "invoke_agent", "traceloop.span.kind": "task"}, Kind.AGENT),
        ({"gen_ai.operation.name": "handle_conversation_turn"}, Kind.TURN),
        ({"gen_ai.operation.name": "embeddings"}, Kind.EMBEDDING),
        ({"gen_ai.operation.name": "something new", "gen_ai.request.model": "m"}, Kind.LLM),
        ({"llm.model_name": "m"}, Kind.LLM),
        ({"http.method": "GET"}, None),
        ({"gen_ai.operation.name": ["chat"]}, None),
    ],
)
def test_kinds(attributes: dict[str, object], kind: Kind | None) -> None:
    """The first convention that knows the kind says it; presence of names is asked last."""
    assert walk(record(S("x", attributes))[0]).kind is kind


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"gen_ai.conversation.id": "a", "session.id": "b"}, "a"),
        ({"session.id": "b", "agentsight.conversation.id": "own", "gen_ai.conversation.id": "a"}, "own"),
        ({"gen_ai.conversation.id": "", "session.id": "b"}, "b"),
        ({"langfuse.session.id": "l", "session.id": "b"}, "l"),
        ({"traceloop.association.properties.chat_id": "t", "thread_id": "z"}, "t"),
        ({"langsmith.trace.session_id": "project"}, None),
        ({"mcp.session.id": "transport"}, None),
        ({"thread.id": 7}, None),
        ({"gen_ai.agent.call.id": "run"}, None),
        ({"session.id": 42}, "42"),
        ({"session.id": ["no"]}, None),
    ],
)
def test_conversation_ids_in_order_of_precedence(attributes: dict[str, object], expected: str | None) -> None:
    """The table of section 7.2, with what must never be one."""
    [span] = record(S("chat", {"gen_ai.operation.name": "chat", **attributes}))
    assert as_id(walk(span).fields.get("conversation")) == expected


def test_a_scope_gates_generic_names() -> None:
    """``input`` means something to pipecat and nothing to anybody else."""
    ours, other = record(
        S("llm", {"input": "[]x"}, scope="pipecat"), S("llm", {"input": "[]x"}, scope="mine")
    )
    assert walk(ours).fields["input_messages"] == "[]x"
    assert "input_messages" not in walk(other).fields


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ('{"a": 1}', {"a": 1}),
        (json.dumps(json.dumps([1])), [1]),
        ('[{"role": "user", "content": "hel', [{"role": "user", "content": "hel"}]),
        ('{"a": [1, 2, {"b": "c"', {"a": [1, 2, {"b": "c"}]}),
        ("plain {text", "plain {text"),
        ("[not json]", "[not json]"),
        (7, 7),
    ],
)
def test_values_are_decoded_as_far_as_they_go(given: object, expected: object) -> None:
    """JSON, JSON in JSON, and JSON that was cut off."""
    assert load(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (0, 0),
        ("12", 12),
        (3.0, 3),
        (-1, None),
        (True, None),
        ("x", None),
        (2.5, None),
        (None, None),
        (10**30, None),
    ],
)
def test_counts(given: object, expected: int | None) -> None:
    """Zero is a count, missing is not zero."""
    assert as_count(given) == expected


@pytest.mark.parametrize("path", ["x.y", "99999999.message.role", "-1.a", "1", "²3.a", "", "10001.a"])
def test_unusable_numbers_are_refused(path: str) -> None:
    """A number in an attribute's name is never trusted as a size."""
    assert split_number(path) is None


def test_flattened_objects() -> None:
    """Lists inside come back as lists, contradictions are left out."""
    paths = ("a.0.b", "a.2.b", "c", "c.d")
    for values in ((1, 2, 3, 4), (5, 6, {"x": 7}, 8)):
        assert unflatten(paths, values) == {"a": [{"b": values[0]}, {"b": values[1]}], "c": values[2]}


def test_flattened_feedback_that_is_a_list() -> None:
    """Numbers where the name of a field should stand make no feedback, and no failure."""
    numbered = {"annotations.0.1.score": 1.0, "annotations.1.annotation.score": 0.5}
    found = read_annotations(walk(SpanData("a", "b", "n", 1, 2, attributes=numbered)))
    assert [one.score for one in found] == [0.5]


@pytest.mark.parametrize(
    ("value", "role", "text"),
    [
        ({"role": "human", "content": "x"}, "user", "x"),
        ({"type": "ai", "data": {"content": "x", "type": "ai"}}, "assistant", "x"),
        ({"lc": 1, "id": ["langchain", "HumanMessage"], "kwargs": {"content": "x"}}, "user", "x"),
        ({"role": "user", "content": [{"type": "input_text", "text": "x"}]}, "user", "x"),
        ({"role": "model", "parts": [{"text": "x"}]}, "assistant", "x"),
        ({"role": "assistant", "content": [{"text": "x"}]}, "assistant", "x"),
        ({"role": "developer", "content": "x"}, "system", "x"),
        ({"content": {"role": "model", "parts": [{"text": "x"}]}}, "assistant", "x"),
        ({"role": "assistant", "parts": [{"type": "refusal", "content": "x"}]}, "assistant", "x"),
        ("x", "user", "x"),
    ],
)
def test_message_shapes(value: object, role: str, text: str) -> None:
    """Providers' and frameworks' own forms of a message."""
    [message] = read_messages(value)
    assert (message.role, message.text) == (role, text)


@pytest.mark.parametrize(
    "block",
    [
        {"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}},
        {"type": "tool_call", "id": "c", "name": "f", "arguments": '{"a": 1}'},
        {"type": "tool-call", "toolCallId": "c", "toolName": "f", "args": {"a": 1}},
        {"toolUse": {"toolUseId": "c", "name": "f", "input": {"a": 1}}},
        {"functionCall": {"id": "c", "name": "f", "args": {"a": 1}}},
        {"type": "function", "id": "c", "function": {"name": "f", "arguments": '{"a": 1}'}},
        {
            "type": "server_tool_call",
            "id": "c",
            "name": "f",
            "server_tool_call": {"type": "code", "arguments": {"a": 1}},
        },
    ],
    ids=lambda block: str(next(iter(block))) + str(block.get("type", "")),
)
def test_tool_call_shapes(block: dict[str, object]) -> None:
    """Providers' own forms of a tool call."""
    [message] = read_messages([{"role": "assistant", "content": [block]}])
    [part] = message.of("tool_call")
    assert (part.id, part.name, part.value) == ("c", "f", {"a": 1})

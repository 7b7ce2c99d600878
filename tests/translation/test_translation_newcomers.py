"""What Logfire, Langfuse, Bedrock, Ollama, Cohere and Mastra spell in ways of their own, made by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest
from translation_spans import S, assembled, chat, parts, record, transcript, wire

from agentsight_otel.translation.block import Block
from agentsight_otel.translation.dialects.reading import read_span

ASK, REPLY = "Is it in stock?", "Yes, three."
EXCHANGE = [("end_user", ASK), ("agent", REPLY)]
ID = {"gen_ai.conversation.id": "c"}


def _only(*roots: S) -> Block:
    [block] = assembled(record(*roots))
    assert block.conversation_id == "c"
    return block


def _tools(block: Block) -> list[tuple[Any, ...]]:
    keys = ("name", "arguments", "response")
    spans = [span["attributes"] for span in wire([block], "tool")]
    return [tuple(span.get(f"agentsight.tool.{key}") for key in keys) for span in spans]


def _asks(call_id: str | None = None) -> dict[str, Any]:
    call = {"type": "tool_call", "name": "stock", "arguments": {"sku": "S"}} | (
        {"id": call_id} if call_id else {}
    )
    return {"role": "assistant", "parts": [call]}


@pytest.mark.parametrize("scope", ["opentelemetry.instrumentation.botocore.bedrock-runtime", "elsewhere"])
def test_bedrock_counts_cached_tokens_apart(scope: str) -> None:
    """Bedrock's own count of the input leaves the cached ones out, other instrumentations include them."""
    tokens = {"gen_ai.usage.input_tokens": 119, "gen_ai.usage.cache_read.input_tokens": 64}
    [span] = record(S("chat", {**chat(), **tokens}, scope=scope))
    usage = read_span(span).usage
    assert (usage.input, usage.cache_read) == (183 if scope != "elsewhere" else 119, 64)


@pytest.mark.parametrize(
    ("told", "counts"),
    [
        (
            {"input": 119, "output": 22, "input_cache_read": 64, "output_reasoning": 5, "total": 210},
            (183, 27, 64),
        ),
        (
            {"input": 183, "output": 27, "input_cache_read": 64, "output_reasoning": 5, "total": 210},
            (183, 27, 64),
        ),
        ({"input": 119, "output": 22, "input_cached_tokens": 64}, (119, 22, 64)),
    ],
    ids=["apart", "within", "no total"],
)
def test_langfuse_counts_each_token_once_where_its_total_says_so(
    told: dict[str, int], counts: tuple[int, ...]
) -> None:
    """Its handlers take the cached ones out of the input and the reasoning out of the output."""
    attributes = {
        "langfuse.observation.type": "generation",
        "langfuse.observation.usage_details": json.dumps(told),
    }
    usage = read_span(record(S("model", attributes))[0]).usage
    assert (usage.input, usage.output, usage.cache_read) == counts


def test_the_tools_there_are_come_after_no_ones_message() -> None:
    """Langfuse's LangChain handler lists them as messages of a tool, behind what the user said."""
    listed = {
        "role": "tool",
        "content": {"type": "function", "function": {"name": "stock", "parameters": {}}},
    }
    history = [{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": "Hello."}]
    attributes = {
        "langfuse.observation.type": "generation",
        "langfuse.session.id": "c",
        "langfuse.observation.input": json.dumps([*history, {"role": "user", "content": ASK}, listed]),
        "langfuse.observation.output": json.dumps({"role": "assistant", "content": REPLY}),
    }
    assert transcript([_only(S("ChatOpenAI", attributes))]) == EXCHANGE


def test_an_object_that_was_printed_is_nobodys_message() -> None:
    """A stream that nobody had read is no answer; a text in angle brackets is."""
    said = {"openinference.span.kind": "LLM", "session.id": "c", "input.value": ASK}
    printed = "<groq.Stream object at 0x7fef1ab5fc10>"
    assert transcript([_only(S("call", {**said, "output.value": printed}))]) == EXCHANGE[:1]
    assert transcript([_only(S("call", {**said, "output.value": "<b>yes</b>"}))])[1:] == [
        ("agent", "<b>yes</b>")
    ]


def test_logfire_tells_a_stream_by_a_span_of_its_own() -> None:
    """The request and the answer are one call, from the time the stream began."""
    asked = {**chat(), "gen_ai.input.messages": json.dumps([parts("user", ASK)])}
    answered = {
        **asked,
        "gen_ai.output.messages": json.dumps([parts("assistant", REPLY)]),
        "gen_ai.usage.input_tokens": 7,
        "duration": 2.0,
    }
    children = [
        S("Chat Completion with {request_data[model]!r}", asked, at=(1.0, 1.5), scope="logfire.openai"),
        S("streaming response", answered, at=(4.0, 4.0), scope="logfire.openai"),
    ]
    block = _only(S("answer", ID, children, at=(0.5, 5.0)))
    assert transcript([block]) == EXCHANGE
    [call] = wire([block], "llm")
    assert call["attributes"]["gen_ai.usage.input_tokens"] == 7
    assert call["started_at"][17:19] == f"{int(call['ended_at'][17:19]) - 2:02}"


def test_logfire_lists_what_the_model_answers_behind_what_it_was_told() -> None:
    """Its events of OpenAI's responses have no choice among them."""
    events = [
        {"event.name": "gen_ai.user.message", "role": "user", "content": ASK},
        {"event.name": "gen_ai.assistant.message", "role": "assistant", "content": REPLY},
    ]
    attributes = {"gen_ai.operation.name": "chat", **ID, "events": json.dumps(events)}
    assert transcript([_only(S("Responses API", attributes, scope="logfire.openai"))]) == EXCHANGE


def test_a_call_that_gets_its_id_in_the_history_is_the_same_call() -> None:
    """Logfire before 4 wrote down what Anthropic's model asks for without an id."""
    first = {**chat(), **ID, "gen_ai.input.messages": json.dumps([parts("user", ASK)])}
    result = {"role": "tool", "parts": [{"type": "tool_call_response", "id": "t1", "response": "3"}]}
    second = {
        **chat(),
        **ID,
        "gen_ai.input.messages": json.dumps([parts("user", ASK), _asks("t1"), result]),
        "gen_ai.output.messages": json.dumps([parts("assistant", REPLY)]),
    }
    calls = [
        S("chat", {**first, "gen_ai.output.messages": json.dumps([_asks()])}),
        S("chat", second, at=(2.0, 3.0)),
    ]
    block = _only(*calls)
    assert transcript([block]) == EXCHANGE
    assert _tools(block) == [("stock", '{"sku":"S"}', "3")]


def _flat(side: str, *messages: dict[str, str]) -> dict[str, str]:
    return {f"gen_ai.{side}.{n}.{key}": text for n, one in enumerate(messages) for key, text in one.items()}


def _traceloop(*history: dict[str, str], said: dict[str, str]) -> dict[str, str]:
    session = {"llm.request.type": "chat", "traceloop.association.properties.session_id": "c"}
    return {**session, **_flat("prompt", *history), **_flat("completion", said)}


USER = {"role": "user", "content": ASK}
TOLD = {"role": "tool", "content": "3"}
CALLED = {"tool_calls.0.name": "stock", "tool_calls.0.arguments": '{"sku": "S"}'}


def test_ollamas_tool_calls_are_found_in_the_next_history() -> None:
    """Its own span has only the text beside them, which is no answer."""
    beside = {"role": "assistant", "content": "Let me see."}
    calls = [
        S("ollama.chat", _traceloop(USER, said=beside), scope="opentelemetry.instrumentation.ollama"),
        S(
            "ollama.chat",
            _traceloop(USER, {**beside, **CALLED}, TOLD, said={"role": "assistant", "content": REPLY}),
            at=(2.0, 3.0),
            scope="opentelemetry.instrumentation.ollama",
        ),
    ]
    block = _only(*calls)
    assert transcript([block]) == EXCHANGE
    assert _tools(block) == [("stock", '{"sku":"S"}', "3")]


@pytest.mark.parametrize("results", [1, 2])
def test_a_result_without_a_name_is_that_of_the_last_call(results: int) -> None:
    """Cohere's history has neither ids nor the calls; more results than calls are anybody's."""
    asked = {"role": "assistant", **CALLED, "tool_calls.0.id": "t1"}
    said = {"role": "assistant", "content": REPLY}
    history = (USER, {"role": "assistant"}, *[TOLD] * results)
    calls = [
        S("cohere.chat", _traceloop(USER, said=asked)),
        S("cohere.chat", _traceloop(*history, said=said), at=(2.0, 3.0)),
    ]
    block = _only(*calls)
    assert transcript([block]) == EXCHANGE
    assert _tools(block) == [("stock", '{"sku":"S"}', "3" if results == 1 else None)]


def test_mastra_names_the_user_and_what_was_said_on_the_run() -> None:
    """Its model spans have no input."""
    run = {
        "gen_ai.operation.name": "invoke_agent",
        "mastra.agent_run.input": ASK,
        "mastra.metadata.threadId": "c",
        "mastra.metadata.resourceId": "u",
    }
    model = {**chat(), "gen_ai.output.messages": json.dumps([parts("assistant", REPLY)])}
    scope = "@mastra/otel-exporter"
    block = _only(S("invoke_agent shop", run, [S("chat", model, scope=scope)], scope=scope))
    assert transcript([block]) == EXCHANGE
    assert block.fields["customer_id"] == "u"

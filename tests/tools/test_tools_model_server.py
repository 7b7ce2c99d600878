"""The scripted model server over real HTTP."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from model_server import ModelServer, Rule
from model_wire import Reply, ToolUse, Usage

LAMP = Rule(("lamp?",), Reply("Which one?", usage=Usage(100, 20, cache_read=64, reasoning=5)), "a")
STOCK = Rule(("stock",), Reply("Let me see.", (ToolUse("stock", {"sku": "é"}),), Usage(30, 3)), "b")
FOUND = Rule(("12 left",), Reply("Twelve.", usage=Usage(40, 4)), "b")


@pytest.fixture
def models() -> Iterator[ModelServer]:
    """A server with three rules."""
    with ModelServer([LAMP, STOCK, FOUND]) as server:
        yield server


def post(server: ModelServer, path: str, **body: Any) -> requests.Response:
    """Send one request."""
    return requests.post(server.url + path, json={"model": "m", **body}, timeout=10)


def events(answer: requests.Response) -> list[dict[str, Any]]:
    """The data of server-sent events."""
    lines = [
        line.removeprefix("data: ") for line in answer.content.decode().split("\n") if line[:5] == "data:"
    ]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def user(text: str) -> dict[str, Any]:
    """A user's message."""
    return {"role": "user", "content": text}


def test_a_chat_completion_states_text_and_usage(models: ModelServer) -> None:
    """The reply and the whole bill arrive in OpenAI's shape."""
    answer = post(models, "/v1/chat/completions", messages=[user("a lamp?")]).json()
    assert answer["choices"][0]["message"]["content"] == "Which one?"
    assert answer["usage"]["prompt_tokens_details"]["cached_tokens"] == 64
    assert answer["usage"]["total_tokens"] == 120


def test_a_tool_result_finds_the_rule_after_it(models: ModelServer) -> None:
    """What is new decides: first the user's text, then the tool's result."""
    question = user("stock of é")
    first = post(models, "/v1/chat/completions", messages=[question]).json()["choices"][0]["message"]
    call = first["tool_calls"][0]
    assert json.loads(call["function"]["arguments"]) == {"sku": "é"}
    result = {"role": "tool", "tool_call_id": call["id"], "content": "12 left"}
    second = post(models, "/v1/chat/completions", messages=[question, first, result]).json()
    assert second["choices"][0]["message"]["content"] == "Twelve."
    assert [rule.tag for rule in models.script.served] == ["b", "b"]
    assert models.script.unused == [LAMP]


def test_a_chat_stream_adds_up_to_the_whole_answer(models: ModelServer) -> None:
    """Text, tool calls and, when asked for, usage come in pieces."""
    options = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = events(post(models, "/v1/chat/completions", messages=[user("stock")], **options))
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
    assert "".join(delta.get("content", "") for delta in deltas) == "Let me see."
    parts = [part["function"]["arguments"] for delta in deltas for part in delta.get("tool_calls", [])]
    assert json.loads("".join(parts)) == {"sku": "é"}
    assert chunks[-1]["usage"]["prompt_tokens"] == 30


def test_a_response_keeps_the_conversation_it_was_given(models: ModelServer) -> None:
    """The responses API answers with items and echoes the conversation."""
    answer = post(models, "/v1/responses", input="stock", conversation="conv-1").json()
    assert [item["type"] for item in answer["output"]] == ["message", "function_call"]
    assert answer["conversation"] == {"id": "conv-1"}
    output = {"type": "function_call_output", "call_id": answer["output"][1]["call_id"], "output": "12 left"}
    chained = post(models, "/v1/responses", input=[output], previous_response_id=answer["id"]).json()
    assert chained["previous_response_id"] == answer["id"]
    assert chained["output"][0]["content"][0]["text"] == "Twelve."


def test_a_response_stream_ends_with_the_whole_response(models: ModelServer) -> None:
    """The deltas and the completed response say the same."""
    told = events(post(models, "/v1/responses", input=[user("a lamp?")], stream=True))
    text = "".join(event["delta"] for event in told if event["type"] == "response.output_text.delta")
    assert told[-1]["type"] == "response.completed"
    assert told[-1]["response"]["output"][0]["content"][0]["text"] == text == "Which one?"
    assert [event["sequence_number"] for event in told] == list(range(len(told)))


def test_anthropic_counts_cached_tokens_apart(models: ModelServer) -> None:
    """Input and cached tokens add up to what the script says was read."""
    usage = post(models, "/v1/messages", messages=[user("a lamp?")]).json()["usage"]
    assert (usage["input_tokens"], usage["cache_read_input_tokens"]) == (36, 64)


def test_an_anthropic_stream_adds_up(models: ModelServer) -> None:
    """Text and tool input come in pieces, the final usage at the end."""
    told = events(post(models, "/v1/messages", messages=[user("stock")], stream=True))
    deltas = [event["delta"] for event in told if event["type"] == "content_block_delta"]
    assert "".join(delta.get("text", "") for delta in deltas) == "Let me see."
    assert json.loads("".join(delta.get("partial_json", "") for delta in deltas)) == {"sku": "é"}
    assert told[-2]["usage"]["output_tokens"] == 3


def test_bedrock_names_the_model_in_the_address_and_frames_its_events(models: ModelServer) -> None:
    """Whole or streamed, the tool and the usage are told; a frame's checksums are right."""
    path = "/model/anthropic.claude-v1%3A0/converse"
    asked = [{"role": "user", "content": [{"text": "a lamp?"}]}]
    answer = post(models, path, messages=asked).json()
    assert answer["output"]["message"]["content"] == [{"text": "Which one?"}]
    assert answer["usage"]["inputTokens"] == 36
    told = post(models, path + "-stream", messages=[{"role": "user", "content": [{"text": "stock"}]}]).content
    events = []
    while told:
        total, head = (int.from_bytes(told[at : at + 4], "big") for at in (0, 4))
        assert zlib.crc32(told[: total - 4]) == int.from_bytes(told[total - 4 : total], "big")
        assert zlib.crc32(told[:8]) == int.from_bytes(told[8:12], "big")
        events.append(json.loads(told[12 + head : total - 4]))
        told = told[total:]
    pieces = [event["delta"]["toolUse"]["input"] for event in events if "toolUse" in event.get("delta", {})]
    assert json.loads("".join(pieces)) == {"sku": "é"}
    assert events[-1]["usage"]["outputTokens"] == 3


def test_ollama_streams_lines_and_cohere_events(models: ModelServer) -> None:
    """Both end with the usage."""
    lines = post(models, "/api/chat", messages=[user("stock")], stream=True).text.splitlines()
    last, call = json.loads(lines[-1]), json.loads(lines[-2])["message"]["tool_calls"][0]["function"]
    assert (last["done"], last["eval_count"], call["arguments"]) == (True, 3, {"sku": "é"})
    told = events(post(models, "/v2/chat", messages=[user("a lamp?")], stream=True))
    texts = [one["delta"]["message"]["content"]["text"] for one in told if one["type"] == "content-delta"]
    assert "".join(texts) == "Which one?"
    assert told[-1]["delta"]["usage"]["tokens"] == {"input_tokens": 100, "output_tokens": 20}


def test_the_same_text_twice_uses_two_rules() -> None:
    """Rules are used up in their order."""
    rules = [Rule(("yes",), Reply(text)) for text in ("one", "two")]
    with ModelServer(rules) as server:
        answers = [post(server, "/v1/chat/completions", messages=[user("yes")]).json() for _ in rules]
    assert [answer["choices"][0]["message"]["content"] for answer in answers] == ["one", "two"]


@pytest.mark.parametrize("status", [429, 500])
def test_a_scripted_failure_has_its_status(status: int) -> None:
    """The provider's errors are part of the script."""
    with ModelServer([Rule(("x",), Reply(status=status))]) as server:
        answer = post(server, "/v1/messages", messages=[user("x")])
    assert answer.status_code == status
    assert answer.json()["error"]["message"] == "scripted failure"


def test_what_no_rule_fits_is_refused_and_kept(models: ModelServer) -> None:
    """Nothing is made up."""
    assert post(models, "/v1/chat/completions", messages=[user("weather")]).status_code == 400
    assert models.script.misses == ["weather"]
    assert post(models, "/v1/nowhere").status_code == 404


def test_embeddings_have_one_vector_an_input(models: ModelServer) -> None:
    """Embeddings need no script."""
    answer = post(models, "/v1/embeddings", input=["a", "bb"]).json()
    assert [item["index"] for item in answer["data"]] == [0, 1]


def test_every_rule_is_used_once_by_concurrent_requests() -> None:
    """Twenty requests at a time use twenty rules."""
    rules = [Rule(("go",), Reply(str(number))) for number in range(20)]
    with ModelServer(rules) as server, ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(post, server, "/v1/chat/completions", messages=[user("go")]) for _ in rules]
        told = {job.result().json()["choices"][0]["message"]["content"] for job in asked}
        assert told == {str(number) for number in range(20)}
        assert not server.script.unused

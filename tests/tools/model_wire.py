"""How the scripted model server's answers look on the wire: OpenAI's two APIs, Anthropic's and Gemini's.

Only the standard library is used: see `model_server`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
Event = tuple[str | None, Json]
"""A server-sent event: its name, where the API names events, and its data."""

CREATED = 1_760_000_000
"""The creation time every answer states, in seconds since the Unix epoch."""


@dataclass(frozen=True)
class Usage:
    """What one model call is billed.

    Attributes:
        input: Prompt tokens, cached ones included.
        output: Completion tokens, reasoning included.
        cache_read: The part of *input* read from the provider's cache.
        reasoning: The part of *output* spent on reasoning.
    """

    input: int
    output: int
    cache_read: int = 0
    reasoning: int = 0


@dataclass(frozen=True)
class ToolUse:
    """A tool the model asks for."""

    name: str
    arguments: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Reply:
    """One answer of the model.

    Attributes:
        text: What it says, may stand beside tool uses.
        tools: The tools it asks for, all at once.
        usage: What the call is billed.
        status: An HTTP status other than 200 makes the call fail with an error of that status.
    """

    text: str = ""
    tools: tuple[ToolUse, ...] = ()
    usage: Usage = Usage(0, 0)
    status: int = 200


@dataclass(frozen=True)
class Call:
    """One answer about to be written: its rule and the ids that name it."""

    number: int
    model: str
    reply: Reply

    def tool_id(self, index: int, prefix: str = "call") -> str:
        """The id of the tool use at *index*."""
        return f"{prefix}_{self.number:03d}_{index}"


def pieces(text: str) -> list[str]:
    """A text as a stream delivers it: three pieces, or fewer when it is short."""
    size = max(1, -(-len(text) // 3))
    return [text[at : at + size] for at in range(0, len(text), size)]


# --- OpenAI chat completions -------------------------------------------------------------------------------


def chat_usage(usage: Usage) -> Json:
    """Usage as chat completions state it."""
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


def chat_tool_calls(call: Call) -> list[Json]:
    """The tool uses as chat completions state them."""
    return [
        {
            "id": call.tool_id(index),
            "type": "function",
            "function": {"name": tool.name, "arguments": json.dumps(tool.arguments, ensure_ascii=False)},
        }
        for index, tool in enumerate(call.reply.tools)
    ]


def chat_head(call: Call, kind: str) -> Json:
    """The fields a chat completion and each of its chunks share."""
    return {"id": f"chatcmpl-{call.number:03d}", "object": kind, "created": CREATED, "model": call.model}


def chat_finish(call: Call) -> str:
    """Why the model stopped, as chat completions say it."""
    return "tool_calls" if call.reply.tools else "stop"


def chat_answer(call: Call, _request: Json) -> Json:
    """A whole chat completion."""
    message: Json = {"role": "assistant", "content": call.reply.text or None}
    if call.reply.tools:
        message["tool_calls"] = chat_tool_calls(call)
    choice = {"index": 0, "message": message, "finish_reason": chat_finish(call), "logprobs": None}
    return chat_head(call, "chat.completion") | {"choices": [choice], "usage": chat_usage(call.reply.usage)}


def chat_stream(call: Call, request: Json) -> Iterator[Event]:
    """A chat completion in chunks."""
    head = chat_head(call, "chat.completion.chunk")

    def chunk(delta: Json, finish: str | None = None) -> Event:
        return None, head | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    yield chunk({"role": "assistant", "content": ""})
    for piece in pieces(call.reply.text):
        yield chunk({"content": piece})
    for index, tool in enumerate(chat_tool_calls(call)):
        if call.model.startswith("mistral"):  # its clients expect each tool call in one piece
            yield chunk({"tool_calls": [tool | {"index": index}]})
            continue
        first = tool | {"index": index, "function": tool["function"] | {"arguments": ""}}
        yield chunk({"tool_calls": [first]})
        for piece in pieces(tool["function"]["arguments"]):
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    if call.model.startswith("mistral"):  # which states the usage unasked, in the last piece
        name, last = chunk({}, chat_finish(call))
        yield name, last | {"usage": chat_usage(call.reply.usage)}
        return
    yield chunk({}, chat_finish(call))
    if (request.get("stream_options") or {}).get("include_usage"):
        yield None, head | {"choices": [], "usage": chat_usage(call.reply.usage)}


# --- OpenAI responses --------------------------------------------------------------------------------------


def response_items(call: Call) -> list[Json]:
    """The output items of a response."""
    items: list[Json] = []
    if call.reply.text:
        part = {"type": "output_text", "text": call.reply.text, "annotations": [], "logprobs": []}
        items.append(
            {
                "id": f"msg_{call.number:03d}",
                "type": "message",
                "role": "assistant",
                "status": "completed",
                "content": [part],
            }
        )
    for index, tool in enumerate(call.reply.tools):
        items.append(
            {
                "id": call.tool_id(index, "fc"),
                "type": "function_call",
                "call_id": call.tool_id(index),
                "name": tool.name,
                "arguments": json.dumps(tool.arguments, ensure_ascii=False),
                "status": "completed",
            }
        )
    return items


def response_answer(call: Call, request: Json) -> Json:
    """A whole response."""
    usage = call.reply.usage
    conversation = request.get("conversation")
    return {
        "id": f"resp_{call.number:03d}",
        "object": "response",
        "created_at": CREATED,
        "status": "completed",
        "model": call.model,
        "output": response_items(call),
        "conversation": {"id": conversation} if isinstance(conversation, str) else conversation,
        "previous_response_id": request.get("previous_response_id"),
        "instructions": request.get("instructions"),
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": request.get("tools") or [],
        "error": None,
        "incomplete_details": None,
        "metadata": {},
        "usage": {
            "input_tokens": usage.input,
            "input_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": 0},
            "output_tokens": usage.output,
            "output_tokens_details": {"reasoning_tokens": usage.reasoning},
            "total_tokens": usage.input + usage.output,
        },
    }


def response_stream(call: Call, request: Json) -> Iterator[Event]:
    """A response as server-sent events, numbered."""
    for number, (name, data) in enumerate(_response_events(call, request)):
        yield name, {"type": name, "sequence_number": number} | data


def _response_events(call: Call, request: Json) -> Iterator[tuple[str, Json]]:
    whole = response_answer(call, request)
    started = whole | {"status": "in_progress", "output": [], "usage": None}
    yield "response.created", {"response": started}
    for index, item in enumerate(whole["output"]):
        at: Json = {"output_index": index, "item_id": item["id"]}
        empty: Json = {"content": []} if item["type"] == "message" else {"arguments": ""}
        yield (
            "response.output_item.added",
            {"output_index": index, "item": item | empty | {"status": "in_progress"}},
        )
        if item["type"] == "message":
            yield from _response_text(item["content"][0], at | {"content_index": 0})
        else:
            for piece in pieces(item["arguments"]):
                yield "response.function_call_arguments.delta", at | {"delta": piece}
            done = at | {"arguments": item["arguments"], "name": item["name"]}
            yield "response.function_call_arguments.done", done
        yield "response.output_item.done", {"output_index": index, "item": item}
    yield "response.completed", {"response": whole}


def _response_text(part: Json, at: Json) -> Iterator[tuple[str, Json]]:
    yield "response.content_part.added", at | {"part": part | {"text": ""}}
    for piece in pieces(part["text"]):
        yield "response.output_text.delta", at | {"delta": piece, "logprobs": []}
    yield "response.output_text.done", at | {"text": part["text"], "logprobs": []}
    yield "response.content_part.done", at | {"part": part}


# --- Anthropic messages ------------------------------------------------------------------------------------


def anthropic_answer(call: Call, _request: Json) -> Json:
    """A whole message."""
    usage = call.reply.usage
    content: list[Json] = [{"type": "text", "text": call.reply.text}] if call.reply.text else []
    content += [
        {"type": "tool_use", "id": call.tool_id(index, "toolu"), "name": tool.name, "input": tool.arguments}
        for index, tool in enumerate(call.reply.tools)
    ]
    return {
        "id": f"msg_{call.number:03d}",
        "type": "message",
        "role": "assistant",
        "model": call.model,
        "content": content,
        "stop_reason": "tool_use" if call.reply.tools else "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": usage.input - usage.cache_read,
            "cache_read_input_tokens": usage.cache_read,
            "cache_creation_input_tokens": 0,
            "output_tokens": usage.output,
        },
    }


def anthropic_stream(call: Call, request: Json) -> Iterator[Event]:
    """A message as server-sent events."""
    for name, data in _anthropic_events(anthropic_answer(call, request)):
        yield name, {"type": name} | data


def _anthropic_events(whole: Json) -> Iterator[tuple[str, Json]]:
    opening = whole["usage"] | {"output_tokens": 1}
    yield "message_start", {"message": whole | {"content": [], "stop_reason": None, "usage": opening}}
    for index, block in enumerate(whole["content"]):
        at: Json = {"index": index}
        if block["type"] == "text":
            yield "content_block_start", at | {"content_block": block | {"text": ""}}
            for piece in pieces(block["text"]):
                yield "content_block_delta", at | {"delta": {"type": "text_delta", "text": piece}}
        else:
            yield "content_block_start", at | {"content_block": block | {"input": {}}}
            for piece in pieces(json.dumps(block["input"], ensure_ascii=False)):
                yield (
                    "content_block_delta",
                    at | {"delta": {"type": "input_json_delta", "partial_json": piece}},
                )
        yield "content_block_stop", at
    delta = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    yield "message_delta", {"delta": delta, "usage": whole["usage"]}
    yield "message_stop", {}


# --- Gemini generate content -------------------------------------------------------------------------------


def gemini_parts(call: Call) -> list[Json]:
    """The parts of the answer's content."""
    parts: list[Json] = [{"text": call.reply.text}] if call.reply.text else []
    return parts + [
        {"functionCall": {"name": tool.name, "args": tool.arguments}} for tool in call.reply.tools
    ]


def gemini_usage(usage: Usage) -> Json:
    """Usage as Gemini states it: candidates do not include thoughts."""
    return {
        "promptTokenCount": usage.input,
        "cachedContentTokenCount": usage.cache_read,
        "candidatesTokenCount": usage.output - usage.reasoning,
        "thoughtsTokenCount": usage.reasoning,
        "totalTokenCount": usage.input + usage.output,
    }


def gemini_piece(call: Call, parts: list[Json], *, last: bool) -> Json:
    """One answer, or one piece of a streamed one; the last has the usage."""
    candidate: Json = {"content": {"role": "model", "parts": parts}, "index": 0}
    piece: Json = {"modelVersion": call.model, "responseId": f"gemini-{call.number:03d}"}
    if not last:
        return piece | {"candidates": [candidate]}
    candidate["finishReason"] = "STOP"
    return piece | {"candidates": [candidate], "usageMetadata": gemini_usage(call.reply.usage)}


def gemini_answer(call: Call, _request: Json) -> Json:
    """A whole answer."""
    return gemini_piece(call, gemini_parts(call), last=True)


def gemini_stream(call: Call, _request: Json) -> Iterator[Event]:
    """An answer in pieces: texts are cut up, function calls come whole."""
    cut = [{"text": piece} for part in gemini_parts(call) for piece in pieces(part.get("text", ""))]
    cut += [part for part in gemini_parts(call) if "functionCall" in part]
    for number, part in enumerate(cut, 1):
        yield None, gemini_piece(call, [part], last=number == len(cut))

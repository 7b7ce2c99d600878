"""How the scripted model server's answers look on the wire of Bedrock's Converse, of Ollama and of Cohere.

Only the standard library is used: see `model_server`.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator

from model_wire import Call, Event, Json, chat_tool_calls, pieces

# --- Bedrock converse --------------------------------------------------------------------------------------


def bedrock_usage(call: Call) -> Json:
    """Usage as Converse states it: the input does not include what came from the cache."""
    usage = call.reply.usage
    return {
        "inputTokens": usage.input - usage.cache_read,
        "outputTokens": usage.output,
        "totalTokens": usage.input + usage.output,
        "cacheReadInputTokens": usage.cache_read,
        "cacheWriteInputTokens": 0,
    }


def bedrock_stop(call: Call) -> str:
    """Why the model stopped."""
    return "tool_use" if call.reply.tools else "end_turn"


def bedrock_answer(call: Call, _request: Json) -> Json:
    """A whole answer."""
    content: list[Json] = [{"text": call.reply.text}] if call.reply.text else []
    content += [
        {
            "toolUse": {
                "toolUseId": call.tool_id(index, "tooluse"),
                "name": tool.name,
                "input": tool.arguments,
            }
        }
        for index, tool in enumerate(call.reply.tools)
    ]
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": bedrock_stop(call),
        "usage": bedrock_usage(call),
        "metrics": {"latencyMs": 5},
    }


def bedrock_stream(call: Call, request: Json) -> Iterator[Event]:
    """An answer as events."""
    yield "messageStart", {"role": "assistant"}
    content = bedrock_answer(call, request)["output"]["message"]["content"]
    for index, block in enumerate(content):
        at: Json = {"contentBlockIndex": index}
        use = block.get("toolUse")
        if use:
            begun = {"toolUse": {"toolUseId": use["toolUseId"], "name": use["name"]}}
            yield "contentBlockStart", at | {"start": begun}
            for piece in pieces(json.dumps(use["input"], ensure_ascii=False)):
                yield "contentBlockDelta", at | {"delta": {"toolUse": {"input": piece}}}
        else:
            for piece in pieces(block["text"]):
                yield "contentBlockDelta", at | {"delta": {"text": piece}}
        yield "contentBlockStop", at
    yield "messageStop", {"stopReason": bedrock_stop(call)}
    yield "metadata", {"usage": bedrock_usage(call), "metrics": {"latencyMs": 5}}


def bedrock_frame(event: Event) -> bytes:
    """An event in AWS's binary framing: lengths, headers, payload, and checksums."""
    name, data = event
    about = {
        ":event-type": name or "",
        ":content-type": "application/json",
        ":message-type": "event",
    }
    headers = b"".join(
        bytes([len(key)]) + key.encode() + b"\x07" + len(value).to_bytes(2, "big") + value.encode()
        for key, value in about.items()
    )
    payload = json.dumps(data, ensure_ascii=False).encode()
    total = 4 * 4 + len(headers) + len(payload)
    prelude = total.to_bytes(4, "big") + len(headers).to_bytes(4, "big")
    head = prelude + zlib.crc32(prelude).to_bytes(4, "big") + headers + payload
    return head + zlib.crc32(head).to_bytes(4, "big")


# --- Ollama chat -------------------------------------------------------------------------------------------


def ollama_piece(call: Call, message: Json, *, done: bool) -> Json:
    """One answer, or one piece of a streamed one; the last has the usage."""
    piece: Json = {
        "model": call.model,
        "created_at": "2025-10-09T08:53:20Z",
        "message": {"role": "assistant", "content": ""} | message,
        "done": done,
    }
    if not done:
        return piece
    usage = call.reply.usage
    return piece | {
        "done_reason": "stop",
        "total_duration": 5_000_000,
        "load_duration": 1_000_000,
        "prompt_eval_count": usage.input,
        "prompt_eval_duration": 1_000_000,
        "eval_count": usage.output,
        "eval_duration": 1_000_000,
    }


def ollama_message(call: Call) -> Json:
    """What the model says."""
    message: Json = {"content": call.reply.text}
    if call.reply.tools:
        message["tool_calls"] = [
            {"function": {"name": tool.name, "arguments": tool.arguments}} for tool in call.reply.tools
        ]
    return message


def ollama_answer(call: Call, _request: Json) -> Json:
    """A whole answer."""
    return ollama_piece(call, ollama_message(call), done=True)


def ollama_stream(call: Call, _request: Json) -> Iterator[Event]:
    """An answer in lines; tool calls come whole."""
    for piece in pieces(call.reply.text):
        yield None, ollama_piece(call, {"content": piece}, done=False)
    message = ollama_message(call)
    if "tool_calls" in message:
        yield None, ollama_piece(call, message | {"content": ""}, done=False)
    yield None, ollama_piece(call, {}, done=True)


# --- Cohere chat -------------------------------------------------------------------------------------------


def cohere_usage(call: Call) -> Json:
    """Usage as Cohere states it."""
    counts = {"input_tokens": call.reply.usage.input, "output_tokens": call.reply.usage.output}
    return {"billed_units": counts, "tokens": counts}


def cohere_finish(call: Call) -> str:
    """Why the model stopped."""
    return "TOOL_CALL" if call.reply.tools else "COMPLETE"


def cohere_answer(call: Call, _request: Json) -> Json:
    """A whole answer; what is said beside tool calls is their plan."""
    message: Json = {"role": "assistant"}
    if call.reply.tools:
        message |= {"tool_plan": call.reply.text, "tool_calls": chat_tool_calls(call)}
    else:
        message["content"] = [{"type": "text", "text": call.reply.text}]
    return {
        "id": f"cohere-{call.number:03d}",
        "finish_reason": cohere_finish(call),
        "message": message,
        "usage": cohere_usage(call),
    }


def cohere_stream(call: Call, _request: Json) -> Iterator[Event]:
    """An answer as server-sent events."""
    for kind, data in _cohere_events(call):
        yield kind, {"type": kind} | data


def _cohere_events(call: Call) -> Iterator[tuple[str, Json]]:
    opening = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    yield "message-start", {"id": f"cohere-{call.number:03d}", "delta": {"message": opening}}
    if not call.reply.tools:
        at: Json = {"index": 0}
        begun = {"message": {"content": {"type": "text", "text": ""}}}
        yield "content-start", at | {"delta": begun}
        for piece in pieces(call.reply.text):
            yield "content-delta", at | {"delta": {"message": {"content": {"text": piece}}}}
        yield "content-end", at
    for index, tool in enumerate(chat_tool_calls(call)):
        first = tool | {"function": tool["function"] | {"arguments": ""}}
        yield "tool-call-start", {"index": index, "delta": {"message": {"tool_calls": first}}}
        for piece in pieces(tool["function"]["arguments"]):
            delta = {"message": {"tool_calls": {"function": {"arguments": piece}}}}
            yield "tool-call-delta", {"index": index, "delta": delta}
        yield "tool-call-end", {"index": index}
    ended = {"finish_reason": cohere_finish(call), "usage": cohere_usage(call)}
    yield "message-end", {"delta": ended}

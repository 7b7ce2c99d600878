"""The parts of a message: texts, tool calls and their results, media; one reader for all providers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from agentsight_otel.translation.dialects.base import Report
from agentsight_otel.translation.dialects.media import read_medium
from agentsight_otel.translation.dialects.values import as_count, load

_TEXT_TYPES = frozenset(
    {"text", "input_text", "output_text", "refusal", "output_json", "text_delta", "message", "plain"}
)
_REASONING_TYPES = frozenset(
    {"reasoning", "thinking", "redacted_thinking", "summary_text", "reasoning_content", "reasoning-part"}
)
_CALL_TYPES = frozenset(
    {
        "tool_call",
        "tool_use",
        "tool-call",
        "function_call",
        "functioncall",
        "function",
        "server_tool_call",
        "server_tool_use",
        "mcp_tool_use",
        "mcp_call",
        "custom_tool_call",
        "tooluse",
        "toolcall",
    }
)
_RESULT_TYPES = frozenset(
    {
        "tool_call_response",
        "tool_result",
        "tool-result",
        "function_call_output",
        "custom_tool_call_output",
        "functionresponse",
        "function_response",
        "server_tool_call_response",
        "mcp_tool_result",
        "tool_response",
        "toolresult",
        "tool-error",
    }
)
_MEDIA_TYPES = frozenset(
    {
        "blob",
        "uri",
        "file",
        "image",
        "image_url",
        "input_image",
        "audio",
        "input_audio",
        "audio_url",
        "video",
        "video_url",
        "document",
        "input_file",
        "binary",
        "media",
        "image-url",
        "audio-url",
        "video-url",
        "document-url",
        "inline_data",
        "file_data",
    }
)
# Providers that name no type put the block under a key of its own.
_ENVELOPES = {
    "toolUse": "tool_use",
    "toolResult": "tool_result",
    "functionCall": "function_call",
    "function_call": "function_call",
    "functionResponse": "function_response",
    "function_response": "function_response",
    "inlineData": "inline_data",
    "inline_data": "inline_data",
    "fileData": "file_data",
    "file_data": "file_data",
    "reasoningContent": "reasoning",
    "toolRequest": "tool_use",
    "toolResponse": "tool_result",
    "server_tool_call": "server_tool_call",
    "server_tool_call_response": "server_tool_call_response",
}
_HOSTED_TYPES = frozenset({"server_tool_call", "server_tool_use", "mcp_tool_use", "mcp_call"})
"""Calls that the model's provider runs itself."""
_HOSTED = frozenset({"server_tool_call", "server_tool_call_response"})
_ABOUT_HOSTED = frozenset({"type", "id", "name"})
_WRAPPINGS = frozenset({"tool_call", "message_content", *_ENVELOPES})
_MEDIA_KEYS = frozenset({"image", "document", "video", "audio", "media"})
_SEQUENCES = (list, tuple)
_TYPED = 2
_CALL_IDS = ("id", "call_id", "tool_call_id", "toolCallId", "toolUseId", "tool_use_id", "ref")
_RESULT_IDS = ("tool_use_id", "call_id", "tool_call_id", "toolCallId", "toolUseId", "id", "ref")
_TAGS = ("type", "part_kind", "kind")
_FAILURES = frozenset({"error-text", "error-json"})
_NAMES = ("name", "toolName", "tool_name")
_ARGUMENTS = ("arguments", "args", "input", "parameters", "arguments_json")
_RESULTS = ("response", "result", "output", "content", "error")


class Part(msgspec.Struct, frozen=True, gc=False):
    """One part of a message.

    Attributes:
        kind: ``text``, ``reasoning``, ``tool_call``, ``tool_result``, ``media`` or ``other``.
        text: Of a text or reasoning; the transcript of a medium.
        id: Of the tool call.
        name: Of the tool.
        value: Arguments of a call, result of one, the original of another part.
        failed: The tool failed.
        hosted: The model's provider runs the tool, and the model does not wait for us.
        mime_type: Of a medium.
        uri: Where a medium is, or its file id.
        data: Bytes of a medium.
        filename: Of a medium.
    """

    kind: str
    text: str = ""
    id: str = ""
    name: str = ""
    value: Any = None
    failed: bool = False
    hosted: bool = False
    mime_type: str = ""
    uri: str = ""
    data: bytes = b""
    filename: str = ""


def text_part(text: str) -> Part:
    """Return a text part."""
    return Part("text", text)


def join_text(parts: Iterable[Part]) -> str:
    """Return the texts among *parts* as one text; blocks of one message follow each other in lines."""
    return "\n".join([part.text for part in parts if part.kind == "text" and part.text])


def read_part(value: Any, assumed: str = "") -> Part | None:
    """Read one block; None for what says nothing.

    Args:
        value: The block.
        assumed: The type of a block that names none.
    """
    if not isinstance(value, dict):
        return text_part(value) if isinstance(value, str) and value else None
    if value.get("type") == "text" and "visible" not in value and _WRAPPINGS.isdisjoint(value):
        text = value.get("text") or value.get("content")
        if type(text) is str and text:
            return Part("text", text)
    value, kind = _unwrapped(value, assumed)
    if kind in _CALL_TYPES:
        return _call(value, kind)
    if kind in _RESULT_TYPES:
        return _tool_result(value, kind)
    if kind in _REASONING_TYPES:
        return Part("reasoning", _first_text(value, ("content", "thinking", "text", "summary")))
    if kind in _MEDIA_TYPES:
        return _media(value)
    return _text_or_other(value, kind)


def _unwrapped(value: dict[str, Any], assumed: str) -> tuple[dict[str, Any], str]:
    """Take a block out of its envelope; return it and its type."""
    if _WRAPPINGS.isdisjoint(value):
        return value, _tag(value) or assumed
    for envelope in ("tool_call", "message_content"):
        inner = value.get(envelope)
        if isinstance(inner, dict):
            value, assumed = inner, "tool_call" if envelope == "tool_call" else assumed
            break
    kind = _tag(value)
    if _ENVELOPES.keys().isdisjoint(value):
        return value, kind or assumed
    for envelope, meant in _ENVELOPES.items():
        inner = value.get(envelope)
        if isinstance(inner, dict):
            if envelope in _HOSTED:
                inner = _of_provider(inner)
            return {**value, **inner}, kind if kind and kind != "generic" else meant
    return value, kind or assumed


def _tag(value: dict[str, Any]) -> str:
    for key in _TAGS:
        tagged = value.get(key)
        if isinstance(tagged, str):
            return tagged.lower()
    return ""


def _of_provider(inner: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments or the result of a provider's own tool, which may stand there as they are."""
    if not inner.keys().isdisjoint((*_ARGUMENTS, *_RESULTS)):
        return inner
    told = {key: value for key, value in inner.items() if key not in _ABOUT_HOSTED}
    return {"arguments": told, "response": told}


def _text_or_other(value: dict[str, Any], kind: str) -> Part | None:
    if value.get("visible") is False:
        return Part("other", value=value)
    text = _first_text(value, ("text", "content", "refusal"))
    if text and (kind in _TEXT_TYPES or not kind or kind == "generic"):
        return text_part(text)
    if kind in _TEXT_TYPES:
        return None
    if not _MEDIA_KEYS.isdisjoint(value):
        return _media(value)
    return Part("other", name=kind, value=value)


def _call(value: dict[str, Any], kind: str) -> Part:
    function = value.get("function")
    if isinstance(function, dict):
        value = {**value, **function}
    name = _first_text(value, _NAMES)
    arguments = _first(value, _ARGUMENTS)
    # A call without arguments is written as one with none, an empty text or an empty object.
    return Part(
        "tool_call",
        id=_first_text(value, _CALL_IDS),
        name=name,
        value={} if arguments in (None, "") else load(arguments),
        hosted=kind in _HOSTED_TYPES,
    )


def _tool_result(value: dict[str, Any], kind: str) -> Part:
    result = load(_first(value, _RESULTS))
    tagged = result.get("type") if isinstance(result, dict) and len(result) == _TYPED else None
    failed = (
        value.get("is_error") is True
        or value.get("isError") is True
        or value.get("status") == "error"
        or kind == "tool-error"
        or tagged in _FAILURES
    )
    return Part(
        "tool_result",
        id=_first_text(value, _RESULT_IDS),
        name=_first_text(value, _NAMES),
        value=plain_result(result),
        failed=failed,
    )


def plain_result(result: Any) -> Any:
    """Take a tool's result out of the blocks a provider puts around it."""
    result = load(result)
    if isinstance(result, dict) and len(result) == _TYPED and set(result) == {"type", "value"}:
        return result["value"]
    if isinstance(result, _SEQUENCES) and result and all(isinstance(item, dict) for item in result):
        texts = [_block_value(item) for item in result]
        if all(text is not None for text in texts):
            return texts[0] if len(texts) == 1 else "\n".join(map(str, texts))
    return result


def answer_in(value: Any, report: Report | None) -> Any:
    """Take a sub-agent's answer out of what a framework says of its run.

    Args:
        value: What a tool's span has as its result.
        report: See `Dialect`; the framework's own notes stay only where the sub-agent said nothing.
    """
    if report is None or not isinstance(value, dict) or report[0] not in value:
        return value
    _, content, before, after = report
    blocks = value.get(content)
    if not isinstance(blocks, list):
        return value
    end = len(blocks) - (as_count(value.get(after)) or 0)
    return blocks[as_count(value.get(before)) or 0 : end] or blocks or value


def _block_value(block: dict[str, Any]) -> Any:
    if "json" in block and len(block) == 1:
        return block["json"]
    kind = block.get("type")
    if kind is not None and not (isinstance(kind, str) and kind in _TEXT_TYPES):
        return None
    text = block.get("text")
    if isinstance(text, str) and set(block) <= {"type", "text", "annotations", "cache_control", "id"}:
        return load(text.rstrip("\n"))
    return None


def _media(value: dict[str, Any]) -> Part:
    transcript, mime_type, uri, data, filename = read_medium(value)
    return Part("media", transcript, mime_type=mime_type, uri=uri, data=data, filename=filename)


def _first(value: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    for key in keys:
        found = value.get(key)
        if found is not None:
            return found
    return None


def _first_text(value: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    for key in keys:
        text = value.get(key)
        if isinstance(text, str) and text:
            return text
        if isinstance(text, list) and text and key in {"content", "summary"}:
            joined = "\n".join(filter(None, map(_block_text, text)))
            if joined:
                return joined
    return ""


def _block_text(block: Any) -> str:
    if isinstance(block, Mapping):
        block = block.get("text", block.get("content"))
    return block if isinstance(block, str) else ""

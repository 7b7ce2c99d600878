"""What the input and output of a whole run say: its messages, or a text among its arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from agentsight_otel.translation.dialects.envelopes import unwrap
from agentsight_otel.translation.dialects.messages import Message, read_list, read_messages
from agentsight_otel.translation.dialects.parts import text_part
from agentsight_otel.translation.dialects.values import as_text, load

_MESSAGE_KEYS = ("messages", "chat_history", "input_messages", "new_messages", "chat_messages")
_ANSWER_KEYS = ("choices", "generations", "candidates")
_TEXT_KEYS = (
    "input",
    "question",
    "query",
    "user_input",
    "user_message",
    "user_msg",
    "user_prompt",
    "prompt",
    "message",
    "task",
    "text",
    "human_input",
    "content",
    "inputs",
    "new_message",
    "input_str",
    "topic",
    "str_or_query_bundle",
    "description",
)
_REPLY_KEYS = (
    "output",
    "answer",
    "response",
    "reply",
    "result",
    "text",
    "content",
    "message",
    "final_output",
    "output_text",
    "raw",
    "final_answer",
    "replies",
    "blocks",
    "return_value",
    "combined_chunk_content",
)
_MAX_DEPTH = 6
_ADDRESS = re.compile(r"<[\w.]{1,200} object (?:[\w.<>]{1,200} )?at 0x[0-9a-fA-F]{1,16}>")
_WRAPPINGS = frozenset({"kwargs", "message", "content", "data", "role", "parts"})
_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def input_messages(value: Any) -> tuple[Message, ...]:
    """Return the messages in the input of a run; a lone text is the user's."""
    return _read(value, _MESSAGE_KEYS, _TEXT_KEYS, "user")


def output_messages(value: Any) -> tuple[Message, ...]:
    """Return the messages in the output of a run; a lone text is the agent's."""
    return _read(value, (*_MESSAGE_KEYS, *_ANSWER_KEYS), _REPLY_KEYS, "assistant")


def reply_of(value: Any) -> str | None:
    """Return the text a reply attribute holds; of an object, its JSON as written."""
    if isinstance(value, str):
        return as_text(value)
    messages = output_messages(value)
    return as_text(messages[-1].text) if messages else None


def _read(value: Any, lists: tuple[str, ...], keys: tuple[str, ...], role: str) -> tuple[Message, ...]:
    if isinstance(value, str) and value.startswith("{") and any(map(value.__contains__, lists)):
        listed = _listed(value, lists, role)
        if listed is not None:
            return listed
    return _found(load(value), keys, role, 0)


def _listed(text: str, lists: tuple[str, ...], role: str) -> tuple[Message, ...] | None:
    """Read an object that holds a list of messages, so that those read before are not read again."""
    try:
        raws = _decode_object(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    if not _WRAPPINGS.isdisjoint(raws):
        return None
    for key in lists:
        if key in raws:
            data = bytes(raws[key]).decode()
            return (read_list(data, role) or None) if data.startswith("[") else None
    return None


def _found(value: Any, keys: tuple[str, ...], role: str, depth: int) -> tuple[Message, ...]:
    if depth > _MAX_DEPTH:
        return ()
    if isinstance(value, str):
        return (Message(role, (text_part(value),)),) if value.strip() and not _is_address(value) else ()
    if isinstance(value, list | tuple):
        return _in_list(value, keys, role, depth)
    if isinstance(value, dict):
        return _in_object(unwrap(value), keys, role, depth)
    return ()


def _is_address(text: str) -> bool:
    """Whether a text is how Python prints what it cannot show, as a stream that nobody has read yet."""
    return text[0] == "<" and text[-1] == ">" and _ADDRESS.fullmatch(text) is not None


def _in_list(
    value: list[Any] | tuple[Any, ...], keys: tuple[str, ...], role: str, depth: int
) -> tuple[Message, ...]:
    if value and all(isinstance(item, Mapping) for item in value):
        if any("role" in item or "type" in item or "lc" in item for item in value):
            return read_messages(value, role)
        if len(value) == 1:
            return _found(value[0], keys, role, depth + 1)
    if len(value) == 1:
        return _found(load(value[0]), keys, role, depth + 1)
    return ()


def _in_object(value: dict[str, Any], keys: tuple[str, ...], role: str, depth: int) -> tuple[Message, ...]:
    if isinstance(value.get("role"), str) or "parts" in value:
        return read_messages(value, role)
    for key in _MESSAGE_KEYS if role == "user" else (*_MESSAGE_KEYS, *_ANSWER_KEYS):
        inner = load(value.get(key))
        if isinstance(inner, list | tuple) and inner:
            return read_messages(inner, role)
    arguments = value.get("kwargs")
    if isinstance(arguments, dict) and isinstance(value.get("args"), list):
        return _called_with(value["args"], arguments, keys, role, depth)
    for key in keys:
        inner = load(value.get(key))
        found = _found(inner, keys, role, depth + 1)
        if found:
            return found
    texts = [item for item in value.values() if isinstance(item, str) and item.strip()]
    return (Message(role, (text_part(texts[0]),)),) if len(value) == 1 and texts else ()


def _called_with(
    args: list[Any], kwargs: dict[str, Any], keys: tuple[str, ...], role: str, depth: int
) -> tuple[Message, ...]:
    if kwargs and (found := _in_object(kwargs, keys, role, depth + 1)):
        return found
    texts = [item for item in args if isinstance(item, str)]
    return _found(texts[0] if len(texts) == 1 else args, keys, role, depth + 1) if args else ()

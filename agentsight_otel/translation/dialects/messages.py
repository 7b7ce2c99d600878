"""Messages in one form, read from whatever form a convention or provider uses."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Any

import msgspec

from agentsight_otel.encoding import decode_json
from agentsight_otel.translation.dialects.flattened import unflatten
from agentsight_otel.translation.dialects.parts import Part, join_text, read_part, text_part
from agentsight_otel.translation.dialects.values import load, text_signature

_MAX_DEPTH = 8
_MAX_MESSAGES = 20_000
_MAX_CACHED = 2_048

_ROLES = {
    "user": "user",
    "human": "user",
    "end_user": "user",
    "customer": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "chatbot": "assistant",
    "agent": "assistant",
    "system": "system",
    "developer": "system",
    "tool": "tool",
    "function": "tool",
    "tool_message": "tool",
    "toolmessage": "tool",
    "humanmessage": "user",
    "humanmessagechunk": "user",
    "aimessage": "assistant",
    "aimessagechunk": "assistant",
    "systemmessage": "system",
    "functionmessage": "tool",
    "tool-response": "tool",
    "tool-call": "assistant",
}
_ITEM_ROLES = {
    "function_call": "assistant",
    "custom_tool_call": "assistant",
    "reasoning": "assistant",
    "function_call_output": "tool",
    "custom_tool_call_output": "tool",
    "tool_call": "assistant",
    "tool_call_response": "tool",
    "tool_result": "tool",
    "tool_use": "assistant",
}
_LISTS = ("messages", "chat_history", "contents", "input_messages", "generations", "choices", "candidates")
_CONTENTS = ("parts", "content", "contents", "text", "blocks")


class Message:
    """One message; never changed once made.

    Attributes:
        role: ``user``, ``assistant``, ``system``, ``tool``, or another one as written.
        parts: What it says, in order.
        text: The text parts, joined.
        asks: It calls tools.
        results: It brings results of tools back.
        from_user: The user said something in it; results of tools travel under the user's role too.
    """

    __slots__ = ("_sign", "asks", "from_user", "parts", "results", "role", "text")

    def __init__(self, role: str, parts: tuple[Part, ...]) -> None:
        self.role = role
        self.parts = parts
        kinds = {part.kind for part in parts}
        self.text = join_text(parts) if "text" in kinds else ""
        self.asks = "tool_call" in kinds
        self.results = "tool_result" in kinds
        self.from_user = role == "user" and ("text" in kinds or "media" in kinds)
        self._sign: str | None = ""

    @property
    def sign(self) -> str | None:
        """What makes two messages the same one; None where the text is not known."""
        if self._sign == "":
            self._sign = text_signature(self.text) if self.text else self._media_sign()
        return self._sign

    def of(self, kind: str) -> Iterator[Part]:
        """Iterate over the parts of a kind."""
        return (part for part in self.parts if part.kind == kind)

    def _media_sign(self) -> str | None:
        names = [f"{part.kind}:{part.uri}:{len(part.data)}:{part.name}" for part in self.parts]
        return text_signature("|".join(names)) if names else None


def read_messages(value: Any, default_role: str = "user") -> tuple[Message, ...]:
    """Return the messages in *value*, in order; ``()`` when there are none.

    Args:
        value: A list, one message, a text, or JSON of these; what it is not, is left out.
        default_role: The role of what names none.
    """
    if isinstance(value, str) and value.startswith("["):
        known = _from_json(value, default_role)
        if known is not None:
            return known
    return tuple(islice(_read(load(value), default_role, 0), _MAX_MESSAGES))


def message_of_items(items: tuple[tuple[str, Any], ...], default_role: str) -> tuple[Message, ...]:
    """Return the messages of one flattened object, as `split_number` leaves it."""
    for _, value in items:
        if type(value) is not str or len(value) > _MAX_CACHED:
            return tuple(_read(unflatten(items), default_role, 1))
    return _cached_items(items, default_role)


# Every model call repeats the whole history, so nearly every message has been read before.


def _from_json(text: str, default_role: str) -> tuple[Message, ...] | None:
    try:
        raws = _decode_list(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    found: list[Message] = []
    for raw in raws[:_MAX_MESSAGES]:
        data = bytes(raw)
        found += (_cached_json if len(data) <= _MAX_CACHED else _one_json)(data, default_role)
    return tuple(found)


def _one_json(data: bytes, default_role: str) -> tuple[Message, ...]:
    try:
        value = decode_json(data)
    except (msgspec.DecodeError, RecursionError):
        return ()
    return tuple(_read(load(value), default_role, 1))


_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_cached_json = lru_cache(maxsize=2048)(_one_json)


@lru_cache(maxsize=2048)
def _cached_items(items: tuple[tuple[str, Any], ...], default_role: str) -> tuple[Message, ...]:
    return tuple(_read(unflatten(items), default_role, 1))


def _read(value: Any, default_role: str, depth: int) -> Iterator[Message]:
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, str):
        if value.strip():
            yield Message(default_role, (text_part(value),))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _read(load(item) if isinstance(item, str) else item, default_role, depth + 1)
    elif isinstance(value, dict):
        yield from _read_object(value, default_role, depth)


def _read_object(value: dict[str, Any], default_role: str, depth: int) -> Iterator[Message]:
    value = unwrap(value)
    for key in _LISTS:
        inner = value.get(key)
        if isinstance(inner, list | tuple) and inner and not isinstance(value.get("role"), str):
            yield from _read(inner, default_role, depth + 1)
            return
    message = read_message(value, default_role)
    if message is not None:
        yield message


def unwrap(value: dict[str, Any]) -> dict[str, Any]:
    """Take a message out of the envelopes serialisers put around it."""
    for _ in range(3):
        kwargs = value.get("kwargs")
        if isinstance(kwargs, dict) and ("lc" in value or "id" in value):
            value = _with_class_role(kwargs, value.get("id"))
            continue
        inner = value.get("message")
        if isinstance(inner, dict) and not isinstance(value.get("role"), str):
            value = inner
            continue
        content = value.get("content")
        if isinstance(content, dict) and isinstance(content.get("parts"), list):
            value = {**({"role": value["role"]} if isinstance(value.get("role"), str) else {}), **content}
            continue
        data = value.get("data")
        if isinstance(data, dict) and isinstance(value.get("type"), str) and "content" in data:
            value = {"type": value["type"], **data}
            continue
        break
    return value


def _with_class_role(kwargs: dict[str, Any], path: Any) -> dict[str, Any]:
    if isinstance(path, list | tuple) and path and isinstance(path[-1], str):
        return {"type": path[-1], **kwargs}
    return kwargs


def read_message(value: dict[str, Any], default_role: str = "user") -> Message | None:
    """Return one message, or None when the object is none."""
    value = unwrap(value)
    role = _role(value)
    tagged = value.get("type")
    if role is None and isinstance(tagged, str) and tagged in _ITEM_ROLES:
        part = read_part(value)
        return Message(_ITEM_ROLES[tagged], (part,)) if part is not None else None
    content = next((value[key] for key in _CONTENTS if value.get(key) is not None), None)
    parts = list(_parts(content, 0))
    parts += _calls(value, parts)
    if role is None and not parts:
        return None
    role = role or default_role
    call_id = value.get("tool_call_id") or value.get("toolCallId")
    if (role == "tool" or call_id) and not any(part.kind in {"tool_result", "tool_call"} for part in parts):
        role, parts = "tool", [_result(value, content, call_id)]
    return Message(role, tuple(parts))


def _role(value: dict[str, Any]) -> str | None:
    for key in ("role", "type", "author", "sender"):
        role = value.get(key)
        if isinstance(role, str):
            known = _ROLES.get(role.lower())
            if known is not None:
                return known
            if key == "role" and role:
                return role.lower()
    return None


def _parts(content: Any, depth: int) -> Iterator[Part]:
    if depth > _MAX_DEPTH or content is None:
        return
    if isinstance(content, str):
        if content:
            yield text_part(content)
    elif isinstance(content, list | tuple):
        for item in content:
            yield from _parts(item, depth + 1)
    elif isinstance(content, dict):
        part = read_part(content)
        if part is not None:
            yield part


def _calls(value: dict[str, Any], parts: list[Part]) -> Iterator[Part]:
    """Iterate over the tool calls beside the content that are not in it too."""
    seen = {part.id for part in parts if part.kind == "tool_call"}
    extra = value.get("additional_kwargs")
    for source in (value, extra if isinstance(extra, dict) else {}):
        calls = load(source.get("tool_calls"))
        for call in calls if isinstance(calls, list | tuple) else ():
            part = read_part(load(call), "tool_call")
            if part is not None and part.kind == "tool_call" and (not part.id or part.id not in seen):
                seen |= {part.id} - {""}
                yield part
        if seen:
            return
        legacy = source.get("function_call")
        if isinstance(legacy, dict) and legacy.get("name") and not seen:
            part = read_part({"type": "function", "function": legacy})
            if part is not None:
                yield part


def _result(value: dict[str, Any], content: Any, call_id: Any) -> Part:
    name = value.get("name") or value.get("tool_name") or ""
    return Part(
        "tool_result",
        id=call_id if isinstance(call_id, str) else "",
        name=name if isinstance(name, str) else "",
        value=content if content is not None else value.get("response", value.get("result")),
        failed=value.get("status") == "error" or value.get("is_error") is True,
    )

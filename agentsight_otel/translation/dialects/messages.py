"""Messages in one form, read from whatever form a convention or provider uses."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from agentsight_otel.encoding import Quiet, decode_json
from agentsight_otel.translation.dialects.flattened import Flat, unflatten
from agentsight_otel.translation.dialects.parts import Part, join_text, read_part
from agentsight_otel.translation.dialects.schema import read_written
from agentsight_otel.translation.dialects.values import load, text_signature

_MAX_DEPTH = 8
_MAX_MESSAGES = 20_000
_MAX_CACHED = 2_048
_SEQUENCES = (list, tuple)
_ONLY_TEXT = frozenset({str})

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
_SPEAKERS = frozenset(name for name, role in _ROLES.items() if role != "tool")
_PLAIN_PATHS = frozenset({("message.role", "message.content"), ("role", "content")})
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
_LISTS_IN_ORDER = (
    "messages",
    "chat_history",
    "contents",
    "input_messages",
    "generations",
    "choices",
    "candidates",
)
_LISTS = frozenset(_LISTS_IN_ORDER)
_WRAPPINGS = frozenset({"kwargs", "message", "data"})
_TOOL_PARTS = frozenset({"tool_result", "tool_call"})
_CALLS = frozenset({"tool_calls", "function_call", "additional_kwargs"})
_CONTENTS = ("parts", "content", "contents", "text", "blocks")


class Message(Quiet, msgspec.Struct, eq=False, gc=False):
    """One message; never changed once made.

    Attributes:
        role: ``user``, ``assistant``, ``system``, ``tool``, or another one as written.
        parts: What it says, in order.
        text: The text parts, joined.
        sign: What makes two messages of the user or the agent the same one in this process; None where the
            text is not known.
        asks: The tool calls in it.
        results: The results of tools in it.
        shows: The media in it.
        from_user: The user said something in it; results of tools travel under the user's role too.
        answers: The agent says something in it and wants nothing more.
        captured: Its text was recorded, and not only what stands for one.
    """

    role: str
    parts: tuple[Part, ...]
    text: str = ""
    sign: int | None = None
    asks: tuple[Part, ...] = ()
    results: tuple[Part, ...] = ()
    shows: tuple[Part, ...] = ()
    from_user: bool = False
    answers: bool = False
    captured: bool = False

    def __post_init__(self) -> None:
        """Work out the rest from the role and the parts."""
        role, parts = self.role, self.parts
        if len(parts) == 1 and parts[0].kind == "text":
            text = parts[0].text
            self.from_user = role == "user"
        else:
            kinds = [part.kind for part in parts]
            text = join_text(parts) if "text" in kinds else ""
            self.asks = self.of("tool_call") if "tool_call" in kinds else ()
            self.results = self.of("tool_result") if "tool_result" in kinds else ()
            self.shows = self.of("media") if "media" in kinds else ()
            self.from_user = role == "user" and ("text" in kinds or "media" in kinds)
        if text:
            self.text = text
            self.sign = sign = text_signature(text)
            self.captured = sign is not None and role != "system"
            self.answers = role == "assistant" and not self.asks and not text.isspace()
        elif self.shows:
            self.sign = _media_sign(parts)

    def of(self, kind: str) -> tuple[Part, ...]:
        """Return the parts of a kind."""
        return tuple([part for part in self.parts if part.kind == kind])


def _media_sign(parts: tuple[Part, ...]) -> int | None:
    return text_signature("|".join([f"{one.kind}:{one.uri}:{len(one.data)}:{one.name}" for one in parts]))


class Told(NamedTuple):
    """What an input was read from, and what was read; the next call's input usually begins with it.

    Attributes:
        source: JSON of a list, or flattened objects.
        messages: In order.
    """

    source: str | Flat
    messages: tuple[Message, ...]


def read_messages(value: Any, default_role: str = "user", earlier: Told | None = None) -> tuple[Message, ...]:
    """Return the messages in *value*, in order; ``()`` when there are none.

    Args:
        value: A list, one message, a text, or JSON of these; what it is not, is left out.
        default_role: The role of what names none.
        earlier: What was read with the same role; where *value* goes on from it, only the rest is read.
    """
    if isinstance(value, str) and value.startswith("["):
        if earlier is not None and isinstance(earlier.source, str):
            known = len(earlier.source) - 1
            if value[known : known + 1] == "," and value.startswith(earlier.source[:-1]):
                rest = read_list("[" + value[known + 1 :], default_role)
                if rest is not None:
                    return (*earlier.messages, *rest)[:_MAX_MESSAGES]
        listed = read_list(value, default_role)
        if listed is not None:
            return listed
    return tuple(_read(load(value), default_role, 0)[:_MAX_MESSAGES])


def messages_of_items(flat: Flat, default_role: str, earlier: Told | None = None) -> tuple[Message, ...]:
    """Return the messages of flattened objects; arguments as for `read_messages`."""
    found: list[Message] = []
    if earlier is not None and flat[: len(earlier.source)] == earlier.source:
        found += earlier.messages
        flat = flat[len(earlier.source) :]
    for paths, values in flat:
        found += message_of_items(paths, values, default_role)
    return tuple(found)


def message_of_items(
    paths: tuple[str, ...], values: tuple[Any, ...], default_role: str
) -> tuple[Message, ...]:
    """Return the messages of one flattened object: its paths, as `split_number` leaves them, and values."""
    if _ONLY_TEXT.issuperset(map(type, values)) and sum(map(len, values)) <= _MAX_CACHED:
        return _cached_items(paths, values, default_role)
    return tuple(_read(unflatten(paths, values), default_role, 1))


# Every model call repeats the whole history, so nearly every message has been read before.


def read_list(text: str | bytes, default_role: str) -> tuple[Message, ...] | None:
    """Return the messages in a JSON list; None when the text is none."""
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
    written = read_written(data)
    if written is not None:
        role, parts = written
        if role in _SPEAKERS or (role == "tool" and parts and parts[0].kind in _TOOL_PARTS):
            return (Message(_ROLES[role], parts),)
    try:
        value = decode_json(data)
    except (msgspec.DecodeError, RecursionError):
        return ()
    return tuple(_read(value if type(value) is dict else load(value), default_role, 1))


_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_cached_json = lru_cache(maxsize=2048)(_one_json)


@lru_cache(maxsize=2048)
def _cached_items(paths: tuple[str, ...], values: tuple[Any, ...], default_role: str) -> tuple[Message, ...]:
    if paths in _PLAIN_PATHS and values[0] in _SPEAKERS and values[1]:
        return (Message(_ROLES[values[0]], (Part("text", values[1]),)),)
    return tuple(_read(unflatten(paths, values), default_role, 1))


def _read(value: Any, default_role: str, depth: int) -> list[Message]:
    if depth > _MAX_DEPTH:
        return []
    if isinstance(value, dict):
        return _read_object(value, default_role, depth)
    if isinstance(value, str):
        return [Message(default_role, (Part("text", value),))] if value.strip() else []
    found: list[Message] = []
    for item in value if isinstance(value, _SEQUENCES) else ():
        found += _read(load(item), default_role, depth + 1)
    return found


def _read_object(value: dict[str, Any], default_role: str, depth: int) -> list[Message]:
    value = unwrap(value)
    if not isinstance(value.get("role"), str) and not _LISTS.isdisjoint(value):
        for key in _LISTS_IN_ORDER:
            inner = value.get(key)
            if isinstance(inner, _SEQUENCES) and inner:
                return _read(inner, default_role, depth + 1)
    message = read_message(value, default_role)
    return [message] if message is not None else []


def unwrap(value: dict[str, Any]) -> dict[str, Any]:
    """Take a message out of the envelopes serialisers put around it."""
    if _WRAPPINGS.isdisjoint(value) and type(value.get("content")) is not dict:
        return value
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
    content = None
    for key in _CONTENTS:
        content = value.get(key)
        if content is not None:
            break
    parts = _parts(content)
    if not _CALLS.isdisjoint(value):
        parts += _calls(value, parts)
    if role is None and not parts:
        return None
    role = role or default_role
    call_id = value.get("tool_call_id") or value.get("toolCallId")
    if (role == "tool" or call_id) and not any(part.kind in _TOOL_PARTS for part in parts):
        role, parts = "tool", [_result(value, content, call_id)]
    return Message(role, tuple(parts))


def _role(value: dict[str, Any]) -> str | None:
    role = value.get("role")
    if type(role) is str and role in _ROLES:
        return _ROLES[role]
    for key in ("role", "type", "author", "sender"):
        role = value.get(key)
        if isinstance(role, str):
            known = _ROLES.get(role.lower())
            if known is not None:
                return known
            if key == "role" and role:
                return role.lower()
    return None


def _parts(content: Any, depth: int = 0) -> list[Part]:
    if isinstance(content, _SEQUENCES):
        found: list[Part] = []
        for item in content if depth < _MAX_DEPTH else ():
            if isinstance(item, dict):
                part = read_part(item)
                if part is not None:
                    found.append(part)
            else:
                found += _parts(item, depth + 1)
        return found
    part = read_part(content)
    return [part] if part is not None else []


def _calls(value: dict[str, Any], parts: list[Part]) -> Iterator[Part]:
    """Iterate over the tool calls beside the content that are not in it too."""
    seen = {part.id for part in parts if part.kind == "tool_call"}
    extra = value.get("additional_kwargs")
    for source in (value, extra if isinstance(extra, dict) else {}):
        calls = load(source.get("tool_calls"))
        for call in calls if isinstance(calls, _SEQUENCES) else ():
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

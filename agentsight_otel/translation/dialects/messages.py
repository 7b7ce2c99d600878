"""Messages in one form, read from whatever form a convention or provider uses."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import msgspec

from agentsight_otel.encoding import Quiet, decode_json
from agentsight_otel.translation.dialects.envelopes import unwrap
from agentsight_otel.translation.dialects.flattened import Flat
from agentsight_otel.translation.dialects.parts import Part, join_text, read_part
from agentsight_otel.translation.dialects.roles import ITEM_ROLES, ROLES, SPEAKERS
from agentsight_otel.translation.dialects.schema import Spoken, read_all_written, read_written
from agentsight_otel.translation.dialects.values import load, text_signature

_MAX_DEPTH = 8
_MAX_MESSAGES = 20_000
_MAX_CACHED = 4_096
_MAX_AT_ONCE = 2
_CACHE_SIZE = 1024
_MAX_LONG = 262_144
_LONG_KEPT = 8
_START = 200
_SEQUENCES = (list, tuple)

_LISTS_IN_ORDER = (
    "messages",
    "chat_history",
    "contents",
    "input_messages",
    "generations",
    "choices",
    "candidates",
    "prompt",
)
_LISTS = frozenset(_LISTS_IN_ORDER)
_TOOL_PARTS = frozenset({"tool_result", "tool_call"})
_CALLS = frozenset({"tool_calls", "function_call", "function_call_name", "additional_kwargs"})
_CONTENTS = ("parts", "content", "contents", "text", "blocks", "prompt")


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
        waits: It asks for a tool that its model's provider does not run itself.
        answers: The agent says or shows something in it and waits for nothing.
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
    waits: bool = False
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
            if "tool_call" in kinds:
                self.asks = self.of("tool_call")
                self.waits = not all(part.hosted for part in self.asks)
            self.results = self.of("tool_result") if "tool_result" in kinds else ()
            self.shows = self.of("media") if "media" in kinds else ()
            self.from_user = role == "user" and ("text" in kinds or "media" in kinds)
        if text:
            self.text = text
            self.sign = sign = text_signature(text)
            self.captured = sign is not None and role != "system"
            self.answers = role == "assistant" and not self.waits and not text.isspace()
        elif self.shows:
            self.sign = _media_sign(parts)
            self.captured = role != "system"
            self.answers = role == "assistant" and not self.waits

    def of(self, kind: str) -> tuple[Part, ...]:
        """Return the parts of a kind."""
        return tuple([part for part in self.parts if part.kind == kind])


def _media_sign(parts: tuple[Part, ...]) -> int | None:
    return text_signature("|".join([f"{one.kind}:{one.uri}:{len(one.data)}:{one.name}" for one in parts]))


class Told(Quiet, msgspec.Struct, frozen=True, gc=False):
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
        listed = _go_on(value, earlier, default_role) or read_list(value, default_role)
        if listed is not None:
            return listed
    return tuple(_read(load(value), default_role, 0)[:_MAX_MESSAGES])


# A run's own span repeats the list of its calls, and the next run's begins with it.
_long_lists: dict[tuple[str, str], Told] = {}


def read_list(text: str, default_role: str) -> tuple[Message, ...] | None:
    """Return the messages in a JSON list; None when the text is none."""
    if len(text) <= _MAX_CACHED and text.count('{"role"') <= _MAX_AT_ONCE:
        listed = _cached_list(text)
        if listed is not None:
            return listed
    if not _MAX_CACHED < len(text) <= _MAX_LONG:
        return _each(text, default_role)
    start = text[:_START], default_role
    listed = _go_on(text, _long_lists.get(start), default_role) or _each(text, default_role)
    if listed:
        if len(_long_lists) >= _LONG_KEPT:
            _long_lists.clear()
        _long_lists[start] = Told(text, listed)
    return listed


def _go_on(text: str, earlier: Told | None, default_role: str) -> tuple[Message, ...] | None:
    """Return the messages of a list that begins as an earlier one; None when it does not."""
    if earlier is None or not isinstance(earlier.source, str):
        return None
    known = len(earlier.source) - 1
    if text[known : known + 1] != "," or not text.startswith(earlier.source[:-1]):
        return None
    rest = read_list("[" + text[known + 1 :].lstrip(), default_role)
    return (*earlier.messages, *rest)[:_MAX_MESSAGES] if rest is not None else None


def _each(text: str, default_role: str) -> tuple[Message, ...] | None:
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
    spoken = read_written(data)
    if spoken is not None and (message := _from_spoken(spoken)) is not None:
        return (message,)
    try:
        value = decode_json(data)
    except (msgspec.DecodeError, RecursionError):
        return ()
    return tuple(_read(value if type(value) is dict else load(value), default_role, 1))


# Of a long list a part was read before; a short one is read at once, or was read as a whole.
@lru_cache(maxsize=_CACHE_SIZE)
def _cached_list(text: str) -> tuple[Message, ...] | None:
    spoken = read_all_written(text) or ()
    listed = [message for one in spoken if (message := _from_spoken(one)) is not None]
    return tuple(listed) if listed and len(listed) == len(spoken) else None


def _from_spoken(spoken: Spoken) -> Message | None:
    role, parts = spoken
    if role in SPEAKERS or (role == "tool" and parts and parts[0].kind in _TOOL_PARTS):
        return Message(ROLES[role], parts)
    return None


_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_cached_json = lru_cache(maxsize=_CACHE_SIZE)(_one_json)


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


def read_message(value: dict[str, Any], default_role: str = "user") -> Message | None:
    """Return one message, or None when the object is none."""
    value = unwrap(value)
    role = _role(value)
    tagged = value.get("type")
    if role is None and isinstance(tagged, str) and tagged in ITEM_ROLES:
        part = read_part(value)
        return Message(ITEM_ROLES[tagged], (part,)) if part is not None else None
    content = None
    for key in _CONTENTS:
        content = value.get(key)
        if content is not None:
            break
    if role == "tool" and type(content) is dict and content.get("type") == "function":
        return None  # Langfuse's LangChain handler lists the tools there are as messages
    parts = read_parts(content or value.get("refusal"))
    if not _CALLS.isdisjoint(value):
        # OpenInference names a call among the contents only by its id.
        parts = [part for part in parts if part.kind != "tool_call" or part.name]
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
    if type(role) is str and role in ROLES:
        return ROLES[role]
    for key in ("role", "type", "author", "sender"):
        role = value.get(key)
        if isinstance(role, str):
            known = ROLES.get(role.lower())
            if known is not None:
                return known
            if key == "role" and role:
                return role.lower()
    return None


def read_parts(content: Any, depth: int = 0) -> list[Part]:
    """Return the parts of a content, in order."""
    if isinstance(content, _SEQUENCES):
        found: list[Part] = []
        for item in content if depth < _MAX_DEPTH else ():
            if isinstance(item, dict):
                part = read_part(item)
                if part is not None:
                    found.append(part)
            else:
                found += read_parts(item, depth + 1)
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
        if legacy is None and "function_call_name" in source:
            arguments = source.get("function_call_arguments_json")
            legacy = {"name": source["function_call_name"], "arguments": arguments}
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
        failed=value.get("status") == "error" or True in (value.get("is_error"), value.get("isError")),
    )

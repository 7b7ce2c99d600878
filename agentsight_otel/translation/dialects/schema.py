"""Messages of the two forms that nearly all have, decoded in one step: the parts schema and a text.

What is made of them is what the walker in `messages` makes; it reads everything else.
Reference: open-telemetry/semantic-conventions-genai, docs/gen-ai/gen-ai-input-messages.json.
"""

from __future__ import annotations

from typing import Any

import msgspec

from agentsight_otel.encoding import Quiet
from agentsight_otel.translation.dialects.parts import Part, plain_result
from agentsight_otel.translation.dialects.values import load


class _Text(Quiet, msgspec.Struct, tag_field="type", tag="text", forbid_unknown_fields=True, gc=False):
    content: str

    def part(self) -> Part | None:
        return Part("text", self.content) if self.content else None


class _Call(Quiet, msgspec.Struct, tag_field="type", tag="tool_call", forbid_unknown_fields=True, gc=False):
    name: str = ""
    id: str | None = None
    arguments: Any = None

    def part(self) -> Part:
        arguments = self.arguments
        value = {} if arguments is None or arguments == "" else load(arguments)
        return Part("tool_call", "", self.id or "", self.name, value)


class _Response(
    Quiet, msgspec.Struct, tag_field="type", tag="tool_call_response", forbid_unknown_fields=True, gc=False
):
    id: str | None = None
    name: str | None = None
    response: Any = None
    result: Any = None

    def part(self) -> Part:
        result = self.response if self.response is not None else self.result
        return Part("tool_result", "", self.id or "", self.name or "", plain_result(result))


class _Written(Quiet, msgspec.Struct, forbid_unknown_fields=True, gc=False):
    role: str
    parts: list[_Text | _Call | _Response] | None = None
    content: str | None = None
    finish_reason: str | None = None
    name: str | None = None


_decode = msgspec.json.Decoder(_Written).decode
_decode_all = msgspec.json.Decoder(list[_Written]).decode

Spoken = tuple[str, tuple[Part, ...]]
"""The role of a message as written, and its parts."""


def read_all_written(text: str) -> list[Spoken] | None:
    """Return what `read_written` does for every message of a list; None when any has another form."""
    if not text.startswith('[{"role"'):
        return None
    try:
        return [_spoken(written) for written in _decode_all(text)]
    except (msgspec.DecodeError, RecursionError):
        return None


def read_written(data: bytes) -> Spoken | None:
    """Return the role and the parts of a message; None when it has another form."""
    if not data.startswith(b'{"role"'):
        return None
    try:
        return _spoken(_decode(data))
    except (msgspec.DecodeError, RecursionError):
        return None


def _spoken(written: _Written) -> Spoken:
    parts = written.parts
    if parts is None:
        return written.role, (Part("text", written.content),) if written.content else ()
    if len(parts) == 1:
        part = parts[0].part()
        return written.role, (part,) if part is not None else ()
    return written.role, tuple([part for one in parts if (part := one.part()) is not None])

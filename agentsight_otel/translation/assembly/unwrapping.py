"""A tool's name, arguments and result without what instrumentations and frameworks put around them."""

from __future__ import annotations

from typing import Any

from agentsight_otel.translation.dialects.base import Rules
from agentsight_otel.translation.dialects.messages import read_messages
from agentsight_otel.translation.dialects.parts import plain_result

_BEFORE_NAMES = (
    "execute_tool ",
    "running tool: ",
    "anthropic.tool_use ",
    "anthropic.custom_tool_use ",
    "anthropic.mcp_tool_use ",
    "tool ",
)
_CALL_KEYS = frozenset({"args", "kwargs"})


def name_from_span(name: str) -> str:
    """Return the name of a tool by that of its span."""
    for prefix in _BEFORE_NAMES:
        if name.startswith(prefix):
            return name[len(prefix) :]
    return name.removesuffix(".tool")


def unwrap_arguments(value: Any) -> Any:
    """Take a tool's arguments out of what instrumentations put around them."""
    if isinstance(value, dict) and _CALL_KEYS.issuperset(value):
        args, kwargs = value.get("args"), value.get("kwargs")
        if isinstance(kwargs, dict) and (kwargs or not args):
            return kwargs
        if isinstance(args, list):
            return args
    return value


def unwrap_envelope(value: Any, rules: Rules) -> Any:
    """Take a result out of the object a framework puts around what is no object."""
    if isinstance(value, dict) and len(value) == 1 and rules.result_envelope in value:
        return value[rules.result_envelope]
    return value


def unwrap_result(value: Any) -> tuple[Any, str, bool]:
    """Return a tool's result, and the call id and failure a serialised tool message names."""
    if (
        isinstance(value, dict)
        and isinstance(value.get("output"), dict)
        and _is_tool_message(value["output"])
    ):
        value = value["output"]
    if isinstance(value, dict) and "raw_output" in value and "tool_name" in value:
        return plain_result(value["raw_output"]), "", value.get("is_error") is True
    if isinstance(value, dict) and _is_tool_message(value):
        for message in read_messages(value, "tool"):
            for part in message.results:
                return plain_result(part.value), part.id, part.failed
    return plain_result(value), "", False


def _is_tool_message(value: dict[str, Any]) -> bool:
    inner = value.get("data") if isinstance(value.get("data"), dict) else value.get("kwargs", value)
    return isinstance(inner, dict) and "tool_call_id" in inner

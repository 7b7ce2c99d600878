"""tool: an action of the live API, measured as it happens."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar, overload

from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.trace import Span, Status, StatusCode, set_span_in_context

from agentsight_otel.guard import guarded
from agentsight_otel.tracking import shapes
from agentsight_otel.tracking import validation as valid
from agentsight_otel.tracking.context import current, leave
from agentsight_otel.tracking.decorate import decorate
from agentsight_otel.tracking.live import start_span

F = TypeVar("F", bound=Callable[..., Any])


class ToolScope:
    """One run of a tool; what is set on it inside the block is recorded when the block ends.

    Attributes:
        response: What it gave; text, or anything, as JSON.
        error_msg: What went wrong; the exception's text by itself.
        tools_used: Its arguments; anything, as JSON.
        metadata: A dict to be filled.
    """

    def __init__(self, name: str, arguments: Mapping[str, Any] | None = None) -> None:
        self.name = name
        self.response: Any = None
        self.error_msg: Any = None
        self.tools_used: Any = arguments
        self.metadata: dict[str, Any] = {}
        self._chunks: list[Any] = []
        self._span: Span | None = None
        self._attached: tuple[Context, Context] | None = None

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        attached, self._attached = self._attached, None
        if attached is not None:
            leave(*attached)
        self._finish(error)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def __call__(self, function: F) -> F:
        """Decorate a function: its arguments, result and error are recorded."""
        return decorate(function, functools.partial(ToolScope, self.name))

    def returned(self, value: Any) -> Any:
        """Take what the function returned as the response."""
        self.response = value
        return value

    def yielded(self, value: Any) -> None:
        """Collect the response of a generator."""
        self._chunks.append(value)

    @guarded(None)
    def _start(self) -> None:
        conversation = current()
        if conversation is None:
            return
        self._span = start_span(conversation, shapes.tool_span_name(self.name), shapes.tool(self.name))
        if self._span is not None:
            before = otel_context.get_current()
            attached = set_span_in_context(self._span, before)
            otel_context.attach(attached)
            self._attached = attached, before

    @guarded(None)
    def _finish(self, error: BaseException | None) -> None:
        span, self._span = self._span, None
        if span is None:
            return
        if error is not None and self.error_msg is None:
            self.error_msg = str(error) or type(error).__name__
        failure = valid.optional_text(self.error_msg)
        span.set_attributes(
            shapes.tool_result(
                valid.optional_json(self.tools_used),
                valid.optional_text(self._result()),
                failure,
                type(error).__qualname__ if error is not None else None,
                valid.metadata_json(self.metadata),
            )
        )
        span.set_status(Status(StatusCode.OK) if failure is None else Status(StatusCode.ERROR, failure))
        span.end()

    def _result(self) -> Any:
        if self.response is not None or not self._chunks:
            return self.response
        texts = all(isinstance(chunk, str) for chunk in self._chunks)
        return "".join(self._chunks) if texts else self._chunks


@overload
def tool(func_or_name: F, /) -> F: ...
@overload
def tool(func_or_name: str | None = None, *, name: str | None = None) -> ToolScope: ...
def tool(func_or_name: Any = None, *, name: str | None = None) -> Any:
    """Record a function or a block as an action of the conversation.

    ``@tool``, ``@tool(name="search")`` or ``with tool("search") as t: t.response = …``. Outside a
    conversation nothing is recorded.

    Args:
        func_or_name: The function to decorate, or the action's name.
        name: The action's name; the function's by default.
    """
    if callable(func_or_name):
        return ToolScope(name or func_or_name.__name__)(func_or_name)
    if name or func_or_name:
        return ToolScope(valid.required_text("name", name or func_or_name))
    return lambda function: ToolScope(function.__name__)(function)

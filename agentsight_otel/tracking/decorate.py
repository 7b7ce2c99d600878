"""Making a scope a decorator, for every kind of function."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from contextvars import copy_context
from types import TracebackType
from typing import Any, Protocol, TypeVar

from agentsight_otel.tracking.streams import AwaitIn, Steps

if sys.version_info >= (3, 14):
    from annotationlib import Format

    # Reading annotations would run them, and one of them may name what only a type checker imports.
    _signature = functools.partial(inspect.signature, annotation_format=Format.STRING)
else:
    _signature = inspect.signature

F = TypeVar("F", bound=Callable[..., Any])


class CallScope(Protocol):
    """What is open during one call of a decorated function."""

    def __enter__(self) -> Any: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def returned(self, value: Any) -> Any:
        """See what the function returned; return what the caller gets."""

    def yielded(self, value: Any) -> None:
        """See what the generator yielded."""


Open = Callable[[dict[str, Any]], CallScope]
"""Makes the scope of one call, given the call's arguments by name."""


def decorate(function: F, open_scope: Open) -> F:
    """Return *function* with a scope of its own around every call.

    A generator's scope is open from its first step to its end, and its body alone sees it.
    """
    opened = _Opener(function, open_scope)
    if inspect.isasyncgenfunction(function):
        wrapper = _async_generator(function, opened)
    elif inspect.isgeneratorfunction(function):
        wrapper = _generator(function, opened)
    elif inspect.iscoroutinefunction(function):
        wrapper = _coroutine(function, opened)
    else:
        wrapper = _plain(function, opened)
    return functools.wraps(function)(wrapper)  # type: ignore[return-value]  # wraps() keeps the signature


class _Opener:
    def __init__(self, function: Callable[..., Any], open_scope: Open) -> None:
        self._signature = _signature(function)
        self._open_scope = open_scope

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> CallScope:
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError:
            # The function itself is about to say what is wrong with the arguments.
            return self._open_scope({})
        bound.apply_defaults()
        names = list(bound.arguments)
        drop = names[:1] if names and names[0] in {"self", "cls"} else []
        return self._open_scope({name: value for name, value in bound.arguments.items() if name not in drop})


class _Inside:
    """A scope entered and left in a context of its own, which its caller never sees."""

    def __init__(self, scope: CallScope) -> None:
        self._scope = scope
        self.context = copy_context()

    def __enter__(self) -> CallScope:
        self.context.run(self._scope.__enter__)
        return self._scope

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.context.run(self._scope.__exit__, kind, error, trace)


def _plain(function: Callable[..., Any], opened: _Opener) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        scope = opened(args, kwargs)
        with scope:
            return scope.returned(function(*args, **kwargs))

    return wrapper


def _coroutine(function: Callable[..., Any], opened: _Opener) -> Callable[..., Any]:
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        scope = opened(args, kwargs)
        with scope:
            return scope.returned(await function(*args, **kwargs))

    return wrapper


def _generator(function: Callable[..., Any], opened: _Opener) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        inside = _Inside(opened(args, kwargs))
        with inside as scope:
            return (yield from Steps(function(*args, **kwargs), inside.context, scope.yielded))

    return wrapper


def _async_generator(function: Callable[..., Any], opened: _Opener) -> Callable[..., Any]:
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        inside = _Inside(opened(args, kwargs))
        with inside as scope:
            generator = function(*args, **kwargs)
            sent = None
            try:
                while True:
                    value = await AwaitIn(generator.asend(sent), inside.context)
                    scope.yielded(value)
                    sent = yield value
            except StopAsyncIteration:
                return
            finally:
                await AwaitIn(generator.aclose(), inside.context)

    return wrapper

"""Running other people's generators, iterators and awaitables step by step in a context of our choosing.

A stream is drained by whoever consumes it, in another task or thread. Each step therefore runs in the
context it was made in, and nothing of that context leaks into the consumer.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextvars import Context
from typing import Any, Self

Ended = Callable[[BaseException | None], None]
"""Called once: with None at the normal end, with GeneratorExit when a stream is given up, else the error."""


class Steps(Generator[Any, Any, Any]):
    """A generator, or an awaitable being awaited, each step of which runs in *context*.

    What it yields is shown to *seen* on its way.
    """

    def __init__(self, steps: Any, context: Context, seen: Callable[[Any], None] | None = None) -> None:
        self._steps = steps
        self._context = context
        self._seen = seen

    def send(self, value: Any) -> Any:
        """Resume with *value*."""
        if value is None:
            return self._out(self._context.run(next, self._steps))
        return self._out(self._context.run(self._steps.send, value))

    def throw(self, *error: Any) -> Any:
        """Raise *error* where the steps are."""
        return self._out(self._context.run(self._steps.throw, *error))

    def close(self) -> None:
        """End the steps early."""
        self._context.run(self._steps.close)

    def _out(self, value: Any) -> Any:
        if self._seen is not None:
            self._seen(value)
        return value


class AwaitIn:
    """An awaitable that runs in *context*."""

    def __init__(self, awaitable: Awaitable[Any], context: Context) -> None:
        self._awaitable = awaitable
        self._context = context

    def __await__(self) -> Generator[Any, Any, Any]:
        return Steps(self._awaitable.__await__(), self._context)


class Watch:
    """Around each step of a stream: tells once how the stream ended."""

    def __init__(self, ended: Ended) -> None:
        self._ended: Ended | None = ended

    def end(self, error: BaseException | None) -> None:
        """Tell it, unless it has been told."""
        ended, self._ended = self._ended, None
        if ended is not None:
            ended(error)

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            self.end(None if isinstance(error, StopIteration | StopAsyncIteration) else error)


class Stream:
    """An iterator that tells once how it ended; everything else is the wrapped object's."""

    def __init__(self, iterable: Any, context: Context, ended: Ended) -> None:
        self._wrapped = iterable
        self._iterator = context.run(iter, iterable)
        self._context = context
        self._watch = Watch(ended)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        with self._watch:
            return self._context.run(next, self._iterator)

    def close(self) -> None:
        """Give the stream up."""
        close = getattr(self._iterator, "close", None) or getattr(self._wrapped, "close", None)
        try:
            if close is not None:
                self._context.run(close)
        finally:
            self._watch.end(GeneratorExit())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wrapped, name)

    def __del__(self) -> None:
        watch = self.__dict__.get("_watch")
        if watch is not None:
            watch.end(GeneratorExit())


class AsyncStream:
    """Like `Stream`, for asynchronous iterators."""

    def __init__(self, iterable: Any, context: Context, ended: Ended) -> None:
        self._wrapped = iterable
        self._iterator = context.run(aiter, iterable)
        self._context = context
        self._watch = Watch(ended)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        with self._watch:
            return await AwaitIn(self._iterator.__anext__(), self._context)

    async def aclose(self) -> None:
        """Give the stream up."""
        close = getattr(self._iterator, "aclose", None)
        try:
            if close is not None:
                await AwaitIn(close(), self._context)
        finally:
            self._watch.end(GeneratorExit())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wrapped, name)

    def __del__(self) -> None:
        watch = self.__dict__.get("_watch")
        if watch is not None:
            watch.end(GeneratorExit())


def is_stream(value: object) -> bool:
    """Whether a returned value goes on producing after the return: a response body or a generator."""
    return hasattr(value, "body_iterator") or inspect.isgenerator(value) or inspect.isasyncgen(value)


def follow(value: Any, context: Context, ended: Ended) -> Any:
    """Return *value* made to tell how it ended: a streaming response, iterator, future or awaitable.

    Anything else is returned as it is, and never ends.
    """
    if hasattr(value, "body_iterator"):
        value.body_iterator = follow(value.body_iterator, context, ended)
        return value
    if hasattr(value, "add_done_callback"):
        value.add_done_callback(lambda future: ended(_future_error(future)))
        return value
    if hasattr(value, "__aiter__"):
        return AsyncStream(value, context, ended)
    if inspect.isawaitable(value):
        return _awaited(value, context, ended)
    if hasattr(value, "__iter__"):
        return Stream(value, context, ended)
    return value


async def _awaited(value: Awaitable[Any], context: Context, ended: Ended) -> Any:
    watch = Watch(ended)
    with watch:
        result = await AwaitIn(value, context)
    watch.end(None)
    return result


def _future_error(future: Any) -> BaseException | None:
    if future.cancelled():
        return GeneratorExit()
    error: BaseException | None = future.exception()
    return error

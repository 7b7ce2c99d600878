"""Finished spans that are written and not yet booked: no more than a caller of ``Span.end`` must wait for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan

from agentsight_otel.exporters.entries import Entry, weight
from agentsight_otel.exporters.packed import concerns, key_of, pack
from agentsight_otel.journal import Journal, Kind, Ref

_SPAN = Kind.SPAN
_MANY = 256
_MANY_BYTES = 4 * 1024 * 1024
_LEFT_OUT = 20_000


class Arrivals:
    """Takes finished spans as they are. Safe for any thread.

    Looking for those known already, counting, and making room come when the ledger books them: on the
    sender's thread, or on a caller's once there are many.

    Args:
        journal: Where they are written.
        book: Takes them, when there are many.

    Attributes:
        left_out: Trace and span ids of the latest that ended and are about no agent. A run below one of them
            is whole now.
    """

    def __init__(self, journal: Journal, book: Callable[[], None]) -> None:
        self._journal = journal
        self._book = book
        self._on_disk = journal.folder is not None
        self._queue: deque[tuple[bytes | None, Any, int, Ref | None]] = deque()
        self._bytes = 0
        self.left_out: deque[tuple[str, str]] = deque(maxlen=_LEFT_OUT)

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, span: ReadableSpan, every: bool) -> bool:
        """Write *span* to the journal; False when it is about no agent, which *every* does not ask.

        Raises:
            Exception: One of `packed.UNUSUAL`; nothing is written.
        """
        if not self._on_disk:
            if not concerns(span) and not every:
                self._leave_out(span)
                return False
            self._queue.append((None, span, 0, None))
            if len(self._queue) >= _MANY:
                self._book()
            return True
        packed = pack(span, every)
        if packed is None:
            self._leave_out(span)
            return False
        key, payload = packed
        queue = self._queue
        ref = self._journal.append_one(_SPAN, key, payload)
        if ref is None:
            self._bytes += len(payload)
            queue.append((key, payload, len(payload), None))
        else:
            # What is on disk is not kept: fresh memory for each would cost the caller more than writing it.
            queue.append((key, None, len(payload), ref))
            if self._journal.syncs:
                self._journal.sync(ref)
        if len(queue) >= _MANY or self._bytes >= _MANY_BYTES:
            self._book()
        return True

    def put_many(self, spans: Sequence[ReadableSpan], every: bool) -> int:
        """Write several to the journal with one system call; return how many are about an agent.

        Raises:
            Exception: One of `packed.UNUSUAL`; nothing is written.
        """
        packed = [pack(span, every) for span in spans]
        found = [each for each in packed if each is not None]
        refs = self._journal.append(_SPAN, found)
        for number, (key, payload) in enumerate(found):
            self._bytes += len(payload)
            self._queue.append((key, payload, len(payload), refs[number] if refs else None))
        if refs:
            self._journal.sync(refs[-1])
        if self._bytes >= _MANY_BYTES:
            self._book()
        if len(found) < len(spans):
            for span, each in zip(spans, packed, strict=True):
                if each is None:
                    self._leave_out(span)
        return len(found)

    def _leave_out(self, span: ReadableSpan) -> None:
        context = span.get_span_context()
        if context is not None:
            self.left_out.append((f"{context.trace_id:032x}", f"{context.span_id:016x}"))

    def take(self) -> Iterator[Entry]:
        """Remove and yield them, in order."""
        self._bytes = 0
        queue = self._queue
        while True:
            try:
                key, value, size, ref = queue.popleft()
            except IndexError:  # a look before could be too early: a signal's handler may book too
                return
            if key is None:
                key, size = key_of(value), weight(value)
            yield Entry(key, _SPAN, value, size, None, ref)

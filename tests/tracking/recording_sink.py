"""A sink that keeps everything in memory and answers as it is told: a small real implementation."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from agentsight_otel.config import Config
from agentsight_otel.tracking import Tracker
from agentsight_otel.translation.block import Upload
from agentsight_otel.translation.span_data import EventData, SpanData

KEY = "ags_" + "0" * 32 + "_" + "0" * 6
OTHER_KEY = "ags_" + "1" * 32 + "_" + "1" * 6


class RecordedTicket:
    """The fate of one submission."""

    def __init__(self) -> None:
        self.state = "waiting"
        self.attempted = self.parked = False
        self.error: str | None = None
        self.status_code: int | None = None
        self._done = threading.Event()
        self._callbacks: list[Callable[..., Any]] = []

    def wait(self, timeout: float) -> bool:
        """Wait for the fate."""
        return self._done.wait(timeout)

    def add_done_callback(self, fn: Callable[..., Any]) -> None:
        """Call *fn* when the fate is known."""
        if self._done.is_set():
            fn(self)
        else:
            self._callbacks.append(fn)

    def attempt(self, state: str, error: str | None = None, status_code: int | None = None) -> None:
        """Say what became of it."""
        self.attempted, self.error, self.status_code = True, error, status_code
        self.state = state
        if state != "waiting":
            self._done.set()
            for callback in self._callbacks:
                callback(self)


class RecordingSink:
    """Takes submissions; `answer` says what becomes of them; `disk` outlives it like a journal."""

    def __init__(self, disk: dict[int, bytes] | None = None, orphans: Sequence[bytes] = ()) -> None:
        self.answer: tuple[str, str | None, int | None] = ("delivered", None, 200)
        self.submissions: list[tuple[list[SpanData], list[Upload]]] = []
        self.tickets: list[RecordedTicket] = []
        self.disk = {} if disk is None else disk
        self.orphans = list(orphans)
        self.kicks = 0
        self.mask: Callable[[str], str] | None = None
        self._lock = threading.Lock()

    def submit(
        self, spans: Sequence[SpanData], uploads: Sequence[Upload] = (), *, masked: bool = False
    ) -> RecordedTicket:
        """Take a submission and answer it as told."""
        assert not masked
        ticket = RecordedTicket()
        with self._lock:
            self.submissions.append((list(spans), list(uploads)))
            self.tickets.append(ticket)
        ticket.attempt(*self.answer)
        return ticket

    def kick(self) -> None:
        """Answer again what waits."""
        self.kicks += 1
        for ticket in self.tickets:
            if ticket.state == "waiting":
                ticket.attempt(*self.answer)

    def keep(self, item: bytes) -> object:
        """Write to the disk."""
        with self._lock:
            ref = len(self.disk) + 1_000_000 * (len(self.submissions) + 1)
            while ref in self.disk:
                ref += 1
            self.disk[ref] = item
        return ref

    def release(self, refs: Sequence[object]) -> None:
        """Delete from the disk."""
        for ref in refs:
            del self.disk[ref]  # type: ignore[arg-type]

    def recover(self) -> list[bytes]:
        """Return what dead processes left, once."""
        found, self.orphans = self.orphans, []
        return found

    @property
    def spans(self) -> list[SpanData]:
        """All spans submitted, in order."""
        return [span for spans, _ in self.submissions for span in spans]


def make_tracker(
    sink: RecordingSink | None = None, tracer: Callable[[], Any] = lambda: None, **settings: Any
) -> tuple[Tracker, RecordingSink]:
    """Make a tracker that is connected to a recording sink, without a journal unless asked for."""
    sink = sink or RecordingSink()
    settings = {"api_key": KEY, "durability": "memory", "send_timeout": 0.2, **settings}
    return Tracker(Config.resolve({}, **settings), lambda _: sink, tracer), sink


def kind(span: SpanData) -> str:
    """Return the AgentSight kind of a span."""
    return str(span.attributes["agentsight.span.kind"])


def said(spans: Sequence[SpanData]) -> list[str]:
    """Return the texts of all messages, in order of time."""
    events: list[EventData] = [event for span in spans for event in span.events]
    return [
        event.attributes["agentsight.message.content"] for event in sorted(events, key=lambda e: e.time_ns)
    ]

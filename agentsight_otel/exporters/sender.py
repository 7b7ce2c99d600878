"""The one background thread of a delivery."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

from opentelemetry import context as otel_context

from agentsight_otel.exporters.clock import CLOCK, Clock
from agentsight_otel.forking import forks_behind_python
from agentsight_otel.guard import guarded

NAME = "agentsight-otel-sender"

_AFTER_ERROR = 1.0
_JOIN = 0.25
_SLACK_NS = b"1000"

# The SDK's own processors use these keys; there is no public function for it in the API or the SDK.
_SUPPRESS_KEYS = [
    "suppress_instrumentation",
    *(
        getattr(otel_context, name)
        for name in ("_SUPPRESS_INSTRUMENTATION_KEY", "_SUPPRESS_HTTP_INSTRUMENTATION_KEY")
        if hasattr(otel_context, name)
    ),
]


class Sender:
    """Runs *step* again and again on a daemon thread, from `start` until `stop`.

    Args:
        step: Does one thing and returns the seconds until the next.
        stopping: Set while the thread should end; a request in hand watches it too.
        clock: Waits between two steps.

    Attributes:
        wants: Whether to call `start` and `wake` when there is something new. False while the thread knows
            already, or has said in *step* that it does not care for now.
    """

    def __init__(self, step: Callable[[], float], stopping: threading.Event, clock: Clock = CLOCK) -> None:
        self._step = guarded(_AFTER_ERROR)(step)
        self._stopping = stopping
        self._clock = clock
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self.wants = True

    @property
    def running(self) -> bool:
        """Whether the thread is there and not about to end."""
        return self._thread is not None and not self._stopping.is_set()

    @property
    def is_current(self) -> bool:
        """Whether the caller is the thread."""
        return threading.current_thread() is self._thread

    def start(self, *, briefly: bool = False) -> None:
        """Start the thread if it is not there; at interpreter exit, when that is impossible, do nothing.

        Nor where uWSGI is going to fork, unless it is for as long as somebody waits, *briefly*.
        """
        if self.running or (forks_behind_python() and not briefly):
            return
        with self._lock:
            self._stopping.clear()
            if self._thread is not None:
                return
            thread = threading.Thread(target=self._run, name=NAME, daemon=True)
            self._thread = thread
            try:
                thread.start()
            except RuntimeError:
                self._thread = None

    def wake(self) -> None:
        """Make the thread look at its work now."""
        if self._thread is None:
            return
        self.wants = False
        if not self._wake.is_set():
            self._wake.set()

    def stop(self) -> bool:
        """End the thread; False when it is stuck in a system call, and ends as soon as that returns."""
        self._stopping.set()
        self.wants = True
        self._wake.set()
        thread = self._thread
        if thread is not None:
            thread.join(_JOIN)
        return thread is None or not thread.is_alive()

    def _run(self) -> None:
        context = otel_context.get_current()
        for key in _SUPPRESS_KEYS:
            context = otel_context.set_value(key, True, context)
        otel_context.attach(context)
        _sleep_precisely()
        try:
            while not self._ended():
                self.wants = True  # before the step looks at what there is
                wait = self._step()
                if wait > 0:
                    self._clock.wait(self._wake, wait)
                self._wake.clear()
        finally:  # a function of the user's may have raised SystemExit; the next record starts a new thread
            with self._lock:
                if self.is_current:
                    self._thread = None
                    self.wants = True

    def _ended(self) -> bool:
        if not self._stopping.is_set():
            return False
        with self._lock:
            if not self._stopping.is_set():
                return False
            self._thread = None
            return True


def _sleep_precisely() -> None:
    """Let this thread's shortest sleep take 20 µs where Linux makes it 70; so it lets others run."""
    thread = threading.get_native_id()
    if thread != os.getpid():  # under gevent this is the application's own thread
        with contextlib.suppress(OSError):
            Path(f"/proc/{thread}/timerslack_ns").write_bytes(_SLACK_NS)

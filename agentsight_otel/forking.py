"""SETUP: held while we import and connect, so that a fork finds neither half done."""

from __future__ import annotations

import contextlib
import logging  # noqa: F401 - its hook must come before ours: a fork takes the locks of later hooks first
import os
import threading

PATIENCE = 10.0
"""Seconds a fork waits at most; then it goes on without."""


class ForkLock:
    """A lock that no other thread holds in a forked child, because a fork waits for it.

    A child in which another thread held a lock, or an import lock, waits for it for ever. The same thread may
    take it several times.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._before, after_in_parent=self._in_parent, after_in_child=self._in_child
            )

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def _before(self) -> None:
        self._lock.acquire(timeout=PATIENCE)

    def _in_parent(self) -> None:
        with contextlib.suppress(RuntimeError):  # the fork did not wait any longer
            self._lock.release()

    def _in_child(self) -> None:
        try:
            self._lock.release()
        except RuntimeError:
            self._lock = threading.RLock()


SETUP = ForkLock()

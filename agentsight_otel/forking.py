"""What a fork must not find: SETUP half done, or a thread of ours where uWSGI forks."""

from __future__ import annotations

import contextlib
import logging  # noqa: F401 - its hook must come before ours: a fork takes the locks of later hooks first
import os
import sys
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
"""Held while we import and connect."""


def forks_behind_python() -> bool:
    """Whether uWSGI will fork this process, which it does without a word to Python (unbit/uwsgi#2387).

    Where another thread ran Python at that moment, no thread of the child ever does.
    """
    uwsgi = sys.modules.get("uwsgi")  # made by uWSGI itself; what can be installed under this name is another
    if uwsgi is None or not hasattr(uwsgi, "masterpid"):
        return False
    forked = uwsgi.worker_id() or uwsgi.mule_id() or uwsgi.masterpid() not in {0, os.getpid()}
    return not forked

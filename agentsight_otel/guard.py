"""The one place where our own errors are kept out of the user's call stack."""

from __future__ import annotations

import functools
import logging
import os
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

logger = logging.getLogger("agentsight_otel")

LOG_INTERVAL = 60.0
"""Seconds between two log lines about the same failing place."""

_last_logged: dict[tuple[str, str], float] = {}


def guarded(default: R) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function return *default* instead of raising, and log the kind of error and its place.

    For code that OpenTelemetry or a background thread calls; what the user calls raises typed errors. The
    error's message is not logged, for it may quote a conversation. With ``AGENTSIGHT_STRICT=1`` in the
    environment the error is raised, which is how the test suite runs.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return function(*args, **kwargs)
            except Exception as error:
                if os.environ.get("AGENTSIGHT_STRICT") == "1":
                    raise
                _log(function.__qualname__, type(error).__name__)
                return default

        return wrapper

    return decorate


def failure_of(function: Callable[[], object]) -> str | None:
    """Call *function*; return the kind of error it raised, None when it returned.

    For what tries records one by one after `guarded` told of a failure, to find those that caused it; like
    that it raises with ``AGENTSIGHT_STRICT=1``.
    """
    try:
        function()
    except Exception as error:
        if os.environ.get("AGENTSIGHT_STRICT") == "1":
            raise
        return type(error).__name__
    return None


def _log(place: str, kind: str) -> None:
    now = time.monotonic()
    if now - _last_logged.get((place, kind), float("-inf")) >= LOG_INTERVAL:
        _last_logged[place, kind] = now
        logger.error("agentsight-otel: %s failed with %s; the application goes on", place, kind)

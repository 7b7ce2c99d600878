"""Sending elsewhere for a while what the process would deliver."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from agentsight_otel.pipeline.state import PIPELINE
from agentsight_otel.pipeline.tracker import TRACKERS


@contextlib.contextmanager
def redirected(**settings: Any) -> Iterator[None]:
    """Change settings of the process-wide set-up and of every tracker, and put them back afterwards.

    Args:
        **settings: Those of `Config`.
    """
    known = PIPELINE.config
    trackers = [(tracker, tracker.config) for tracker in tuple(TRACKERS)]
    before = PIPELINE.swap(known.replace(**settings))
    try:
        for tracker, config in trackers:
            tracker.use(config.replace(**settings))
        PIPELINE.provider()  # has our processors, whether or not anything was configured
        yield
    finally:
        for tracker, config in trackers:
            tracker.use(config)
        PIPELINE.swap(before)

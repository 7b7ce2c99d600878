"""Sending elsewhere for a while what the process would deliver."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from agentsight_otel.clients.base import Client
from agentsight_otel.config import Config
from agentsight_otel.pipeline.control import singletons
from agentsight_otel.pipeline.state import PIPELINE
from agentsight_otel.pipeline.tracker import ConversationTracker, trackers


@contextlib.contextmanager
def redirected(**settings: Any) -> Iterator[None]:
    """Change settings of the process-wide set-up, every tracker and the singletons; put them back afterwards.

    Args:
        **settings: Those of `Config`.
    """
    known = PIPELINE.config
    in_force: dict[ConversationTracker | Client, Config] = {
        one: one.config for one in (*trackers(), *singletons())
    }
    before = PIPELINE.swap(known.replace(**settings))
    try:
        for one, config in in_force.items():
            one.use(config.replace(**settings))
        PIPELINE.provider()  # has our processors, whether or not anything was configured
        yield
    finally:
        PIPELINE.swap(before)
        for one in singletons():
            in_force.setdefault(one, PIPELINE.config)  # made meanwhile, with the settings above
        for one, config in in_force.items():
            one.use(config)

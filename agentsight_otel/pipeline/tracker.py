"""ConversationTracker: the tracker, connected to delivery."""

from __future__ import annotations

import atexit
import weakref
from typing import Any

from agentsight_otel.config import LEGACY_SETTINGS, Config
from agentsight_otel.guard import guarded
from agentsight_otel.pipeline.state import PIPELINE
from agentsight_otel.tracking import Tracker

_trackers: weakref.WeakValueDictionary[int, ConversationTracker] = weakref.WeakValueDictionary()


def trackers() -> list[ConversationTracker]:
    """Return every tracker there is, oldest first."""
    # One copy that no other thread can interrupt: iterating would fail where one makes a tracker meanwhile.
    return [tracker for reference in _trackers.valuerefs() if (tracker := reference()) is not None]


class ConversationTracker(Tracker):
    """Tracks conversations in memory and sends each as one request.

    Args:
        api_key: API key; needed to send, not to track.
        conversation_id: The conversation that is active from the start.
        endpoint: Base URL of AgentSight or of a local server.
        log_level: Accepted for code written for 0.0.44; logging is the application's.
        config: Settings to start from, in place of the environment.
        **settings: Any other setting of `Config`.

    Raises:
        InvalidApiKeyException: *api_key* is malformed.
        ConfigurationException: Another setting has a value it cannot have.
    """

    def __init__(
        self,
        api_key: str | None = None,
        conversation_id: str | None = None,
        endpoint: str | None = None,
        log_level: Any = None,
        config: Config | None = None,
        **settings: Any,
    ) -> None:
        del log_level
        given: dict[str, Any] = {"api_key": api_key, "conversation_id": conversation_id, "endpoint": endpoint}
        given |= {name: value for name, value in settings.items() if name not in LEGACY_SETTINGS}
        resolved = Config.resolve(**given) if config is None else config.replace(**given)
        super().__init__(resolved, PIPELINE.connect, PIPELINE.mirror_tracer, PIPELINE.heard)
        _trackers[id(self)] = self

    @property
    def dropped(self) -> int:
        """Items given up for want of a key."""
        return self._outbox.dropped

    def give_up_unsent(self) -> None:
        """Count what no key was ever given for as dropped, and say so; for the end of the process."""
        self._outbox.give_up()


@atexit.register
@guarded(None)
def _at_exit() -> None:
    for tracker in trackers():
        tracker.give_up_unsent()

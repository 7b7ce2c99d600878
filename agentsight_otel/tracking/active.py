"""Active: which timeline a tracker's next item goes to."""

from __future__ import annotations

import sys
import threading
from contextvars import ContextVar

from agentsight_otel.tracking.context import CURRENT, Conversation, current
from agentsight_otel.tracking.timeline import Timeline, Timelines


class Active:
    """The active conversation of one tracker, for each thread and task of its own.

    The process-wide default is what the main thread names outside an event loop; threads and tasks that
    name nothing use it.
    """

    def __init__(self, timelines: Timelines) -> None:
        self._timelines = timelines
        self._own: ContextVar[Conversation | None] = ContextVar("agentsight_tracker", default=None)
        self._default: Conversation | None = None

    def timeline(self) -> Timeline:
        """Return where the next item goes."""
        conversation = CURRENT.get()
        if conversation is None or conversation.registry is not self._timelines:
            return self._bound(self._conversation() or self._enter(Conversation(None, owner=self._timelines)))
        timeline = conversation.timeline
        return timeline if timeline is not None else conversation.bind(self._timelines)

    def existing(self) -> tuple[str | None, Timeline | None]:
        """Return the active conversation's id and timeline, making neither."""
        conversation = self._conversation()
        return (conversation.id, self._bound(conversation)) if conversation is not None else (None, None)

    def name(self, conversation_id: str) -> Conversation:
        """Make a conversation the active one; items tracked before any name become its first."""
        conversation = self._conversation()
        if conversation is not None and conversation.id is None:
            conversation.timeline = self._timelines.adopt(self._bound(conversation), conversation_id)
            conversation.id = conversation_id
        elif conversation is None or conversation.id != conversation_id:
            conversation = Conversation(conversation_id, owner=self._timelines)
        self._enter(conversation)
        if threading.current_thread() is threading.main_thread() and not _in_event_loop():
            self._default = conversation
        return conversation

    def set_default(self, conversation_id: str) -> None:
        """Make a conversation the process-wide default."""
        self._default = Conversation(conversation_id, owner=self._timelines)

    def _conversation(self) -> Conversation | None:
        conversation = current()
        if conversation is not None and conversation.owner in (None, self._timelines):
            return conversation
        return self._own.get() or self._default

    def _enter(self, conversation: Conversation) -> Conversation:
        CURRENT.set(conversation)
        self._own.set(conversation)
        return conversation

    def _bound(self, conversation: Conversation) -> Timeline:
        if conversation.timeline is not None and conversation.registry is self._timelines:
            return conversation.timeline
        return conversation.bind(self._timelines)


def _in_event_loop() -> bool:
    # Where nobody has imported asyncio no loop is running; importing it here costs every user 20 ms.
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return False
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True

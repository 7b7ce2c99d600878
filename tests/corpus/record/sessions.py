"""Applications that open something for a conversation and close it at the end: a room, a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from shape import Conversation, Turn


class Session(Protocol):
    """What is open for one conversation."""

    async def start(self) -> None:
        """Open it."""

    async def say(self, turn: Turn) -> None:
        """Run one turn."""

    async def end(self) -> None:
        """Close it."""


class SessionApp:
    """A session for each conversation, from its first turn to the end of the scenario."""

    def __init__(self, session: Callable[[Conversation], Session]) -> None:
        self._new = session
        self._sessions: dict[str, Session] = {}

    async def turn(self, conversation: Conversation, turn: Turn) -> None:
        """Run one turn in the conversation's session."""
        session = self._sessions.get(conversation.key)
        if session is None:
            session = self._sessions[conversation.key] = self._new(conversation)
            await session.start()
        await session.say(turn)

    async def close(self) -> None:
        """Close all sessions."""
        for session in self._sessions.values():
            await session.end()

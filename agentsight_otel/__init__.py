"""AI agent conversations out of OpenTelemetry.

``conversation_tracker`` records, ``conversation_manager`` manages and ``agentsight_api`` reads; each is made
when it is first asked for, from the environment. Importing opens nothing and needs no key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from agentsight_otel._version import __version__
from agentsight_otel.clients import AgentSightAPI, ConversationManager
from agentsight_otel.config import Config
from agentsight_otel.exporters.delivery import FlushResult, Stats
from agentsight_otel.pipeline import (
    ConversationTracker,
    configure,
    force_flush,
    get_agentsight_api,
    get_conversation_manager,
    get_conversation_tracker,
    instrument,
    shutdown,
    stats,
)
from agentsight_otel.tracking import (
    TurnScope,
    abandon_turn,
    agent_message,
    button,
    carry_context,
    conversation,
    end_turn,
    tool,
    turn,
    user_message,
    wrap,
)

if TYPE_CHECKING:
    agentsight_api: AgentSightAPI
    conversation_manager: ConversationManager
    conversation_tracker: ConversationTracker

__all__ = [
    "AgentSightAPI",
    "Config",
    "ConversationManager",
    "ConversationTracker",
    "FlushResult",
    "Stats",
    "TurnScope",
    "__version__",
    "abandon_turn",
    "agent_message",
    "agentsight_api",
    "button",
    "carry_context",
    "configure",
    "conversation",
    "conversation_manager",
    "conversation_tracker",
    "end_turn",
    "force_flush",
    "instrument",
    "shutdown",
    "stats",
    "tool",
    "turn",
    "user_message",
    "wrap",
]

_SINGLETONS: dict[str, Callable[[], Any]] = {
    "agentsight_api": get_agentsight_api,
    "conversation_manager": get_conversation_manager,
    "conversation_tracker": get_conversation_tracker,
}


def __getattr__(name: str) -> Any:
    """Make a singleton when it is first asked for."""
    if name in _SINGLETONS:
        return _SINGLETONS[name]()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_SINGLETONS})

"""AI agent conversations out of OpenTelemetry.

``conversation_tracker`` records, ``conversation_manager`` manages and ``agentsight_api`` reads; each is made
when it is first asked for, from the environment. Importing opens nothing and needs no key.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
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
    from agentsight_otel.pipeline.instrumentation import instrument

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
    """Make a singleton, or import what looks through the installed packages, when it is first asked for."""
    if name in _SINGLETONS:
        return _SINGLETONS[name]()
    if name == "instrument":
        return import_module("agentsight_otel.pipeline.instrumentation").instrument
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_SINGLETONS, "instrument"})

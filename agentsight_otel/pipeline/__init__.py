"""The pipeline: which provider, which destination, and how the rooms are wired."""

from agentsight_otel.pipeline.control import (
    configure,
    force_flush,
    get_agentsight_api,
    get_conversation_manager,
    get_conversation_tracker,
    shutdown,
    stats,
)
from agentsight_otel.pipeline.state import PIPELINE
from agentsight_otel.pipeline.tracker import ConversationTracker

__all__ = [
    "PIPELINE",
    "ConversationTracker",
    "configure",
    "force_flush",
    "get_agentsight_api",
    "get_conversation_manager",
    "get_conversation_tracker",
    "shutdown",
    "stats",
]

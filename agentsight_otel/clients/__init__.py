"""MANAGE: read and change what was recorded."""

from agentsight_otel.clients.api import AgentSightAPI
from agentsight_otel.clients.manager import ConversationManager

__all__ = ["AgentSightAPI", "ConversationManager"]

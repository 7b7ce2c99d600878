"""The fixtures of this folder."""

from __future__ import annotations

import pytest
from scripted_server import KEY, Script, script

from agentsight_otel.clients import AgentSightAPI, ConversationManager

__all__ = ["script"]


@pytest.fixture
def manager(script: Script) -> ConversationManager:
    """Return a manager of the scripted server."""
    return ConversationManager(KEY, script.url)


@pytest.fixture
def api(script: Script) -> AgentSightAPI:
    """Return a reader of the scripted server."""
    return AgentSightAPI(KEY, script.url)

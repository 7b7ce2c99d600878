"""An application that loads its settings after its imports."""

from __future__ import annotations

import pytest
from world import World

LATE = """
import os
environ = dict(os.environ)
os.environ.update(AGENTSIGHT_API_ENDPOINT="nonsense", AGENTSIGHT_DURABILITY="nonsense")
from agentsight_otel import agentsight_api, conversation_manager, conversation_tracker
from agentsight_otel import AgentSightAPI, ConversationManager, ConversationTracker
os.environ.clear()
os.environ.update(environ)
"""
ASKED = """
assert isinstance(conversation_tracker, ConversationTracker)
assert isinstance(agentsight_api, AgentSightAPI) and isinstance(conversation_manager, ConversationManager)
assert "ConversationTracker object" in repr(conversation_tracker)
assert not hasattr(conversation_tracker, "__wrapped__")
"""
USES = {
    "tracker": """
conversation_tracker.get_or_create_conversation("late-1")
conversation_tracker.track_human_message("Hello")
assert conversation_tracker.send_tracked_data()["delivered"]
assert agentsight_api.fetch_conversation("late-1")["messages"][0]["content"] == "Hello"
conversation_manager.rename_conversation("late-1", "A name")
""",
    "variable": """
os.environ["AGENTSIGHT_CONVERSATION_ID"] = "late-2"
conversation_tracker.track_human_message("Hello")
assert conversation_tracker.send_tracked_data()["conversation_id"] == "late-2"
""",
    "configured": """
import agentsight_otel
del os.environ["AGENTSIGHT_API_KEY"]
agentsight_otel.configure(api_key=environ["AGENTSIGHT_API_KEY"])
conversation_tracker.track_human_message("Hello")
assert conversation_tracker.send_tracked_data()["delivered"]
assert agentsight_api.fetch_identity()["agent_name"] == "local"
""",
    "threads": """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(8) as pool:
    list(pool.map(conversation_tracker.track_human_message, ["Hello"] * 8))
assert len({id(conversation_tracker._outbox)}) == 1
assert conversation_tracker.submit_unsent() == 8
assert agentsight_otel_flushed()
""",
}


@pytest.mark.parametrize("use", list(USES))
def test_settings_are_read_at_the_first_use(world: World, use: str) -> None:
    """What the environment says when the names are imported, be it nonsense, does not count."""
    flushed = "from agentsight_otel import force_flush as agentsight_otel_flushed\n"
    world.run_code(LATE + ASKED + flushed + USES[use])

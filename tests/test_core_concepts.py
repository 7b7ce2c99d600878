"""Every sample of AgentSight's core-concepts page, run against the local server."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from agentsight_otel import AgentSightAPI
from agentsight_otel.testing import LocalServer

TRACK_AND_SEND = """
from agentsight_otel import conversation_tracker

# Track data in memory
conversation_tracker.track_human_message("Hello!")
conversation_tracker.track_agent_message("Hi there!")

# Send when ready
conversation_tracker.send_tracked_data()
"""

MANAGE = """
from agentsight_otel import conversation_manager

# Rename conversation
conversation_manager.rename_conversation(
    conversation_id="conv-123",
    name="Resolved: Password Reset"
)

# Submit user feedback
conversation_manager.submit_feedback(
    conversation_id="conv-123",
    sentiment="positive",
    comment="Very helpful!"
)
"""

READ = """
from agentsight_otel import agentsight_api

# Fetch with filters
conversations = agentsight_api.fetch_conversations(
    feedback_sentiment="positive",
    page_size=10
)

# Get specific conversation
conversation = agentsight_api.fetch_conversation(42)
"""

GENERATE_ID = """
from agentsight_otel.helpers import generate_conversation_id

# Generate unique ID
conversation_id = generate_conversation_id()  # e.g., "conv_a3f8bc9d"
"""

BATCH = """
# All instant - no network calls
conversation_tracker.track_human_message("What is machine learning?")
conversation_tracker.track_action("search_knowledge_base", duration_ms=150)
conversation_tracker.track_agent_message("Machine learning is...")
conversation_tracker.track_token_usage(prompt_tokens=45, completion_tokens=32)

# Single network call sends everything
response = conversation_tracker.send_tracked_data()
"""

IN_ORDER = """
conversation_tracker.track_human_message("2 + 2 = ?")
conversation_tracker.track_action("calculate")
conversation_tracker.track_agent_message("The answer is 4")
conversation_tracker.track_button("helpful", "👍", "yes")
"""

WHEN_TO_SEND = """
# Pattern 1: Send after each interaction
def handle_query(query):
    conversation_tracker.track_human_message(query)
    answer = agent.process(query)
    conversation_tracker.track_agent_message(answer)
    conversation_tracker.send_tracked_data()  # Send immediately

# Pattern 2: Batch multiple interactions
def handle_session(queries):
    for query in queries:
        conversation_tracker.track_human_message(query)
        answer = agent.process(query)
        conversation_tracker.track_agent_message(answer)

    conversation_tracker.send_tracked_data()  # Send all at once
"""

SEVERAL = """
# Conversation A
conversation_tracker.configure(conversation_id="user-123")
conversation_tracker.track_human_message("Hello")

# Conversation B
conversation_tracker.configure(conversation_id="user-456")
conversation_tracker.track_human_message("Hi there")

# Conversation A
conversation_tracker.configure(conversation_id="user-123")
conversation_tracker.track_agent_message("How can I help?")
"""

METADATA = """
# Add metadata to messages
conversation_tracker.track_human_message(
    message="How do I reset my password?",
    metadata={
        "user_type": "premium",
        "language": "en",
        "support_category": "account",
        "priority": "high"
    }
)

# Add metadata to actions
conversation_tracker.track_action(
    action_name="database_query",
    duration_ms=150,
    metadata={
        "query_type": "SELECT",
        "cache_hit": False,
        "rows_returned": 10
    }
)

# Add metadata to conversations
conversation_tracker.get_or_create_conversation(
    conversation_id="support-123",
    metadata={
        "session_id": "abc123",
        "referrer": "help_page",
        "user_agent": "Chrome/91.0"
    }
)
"""


AGENT = """
class EchoAgent:
    def process(self, query):
        return f"You asked: {query}"

agent = EchoAgent()
"""

IMPORT = "from agentsight_otel import conversation_tracker\n"
SEND = "\nconversation_tracker.send_tracked_data()\n"


@pytest.fixture
def api(server: LocalServer) -> AgentSightAPI:
    """Read what a sample recorded."""
    return AgentSightAPI(api_key=server.api_key, endpoint=server.url)


def run(server: LocalServer, *parts: str) -> str:
    """Run a sample as a user would: a new process, configured by its environment."""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", "".join(parts)],
        env={**os.environ, **server.env()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def transcript(api: AgentSightAPI, conversation_id: str) -> list[tuple[str, str]]:
    """Read a conversation as (sender, content)."""
    return [(m["sender"], m["content"]) for m in api.fetch_conversation(conversation_id)["messages"]]


def only_conversation(api: AgentSightAPI) -> str:
    """Return the id of the one conversation there is."""
    (conversation,) = api.fetch_conversations()["results"]
    return str(conversation["conversation_id"])


def test_track_and_send(server: LocalServer, api: AgentSightAPI) -> None:
    """The first sample: two messages under a generated id, in one request."""
    run(server, TRACK_AND_SEND)
    conversation_id = only_conversation(api)
    assert re.fullmatch("conv_[0-9a-f]{12}", conversation_id)
    assert transcript(api, conversation_id) == [("end_user", "Hello!"), ("agent", "Hi there!")]
    assert [r.path for r in server.requests if r.method == "POST"] == ["/api/ingest/"]


def test_manage(server: LocalServer, api: AgentSightAPI) -> None:
    """Renaming and feedback."""
    run(server, IMPORT, 'conversation_tracker.configure(conversation_id="conv-123")\n', IN_ORDER, SEND)
    run(server, MANAGE)
    conversation = api.fetch_conversation("conv-123")
    assert conversation["name"] == "Resolved: Password Reset"
    assert [f["sentiment"] for f in conversation["feedbacks"]] == ["positive"]


def test_read(server: LocalServer) -> None:
    """Fetching with filters, and by primary key."""
    make = (
        "for number in range(1, 43):\n"
        "    conversation_tracker.get_or_create_conversation(f'c-{number}')\n"
        "    conversation_tracker.track_human_message('hello')\n"
        "    conversation_tracker.send_tracked_data()\n"
    )
    shown = "print(conversations['count'], conversation['id'], conversation['conversation_id'])\n"
    assert run(server, IMPORT, make, READ, shown).split() == ["0", "42", "c-42"]


def test_generate_id(server: LocalServer) -> None:
    """An id has `conv_` and twelve hexadecimal digits."""
    assert re.fullmatch("conv_[0-9a-f]{12}", run(server, GENERATE_ID, "print(conversation_id)").strip())


def test_batch(server: LocalServer, api: AgentSightAPI) -> None:
    """Everything goes in one request, tokens and duration included."""
    run(server, IMPORT, BATCH)
    conversation = api.fetch_conversation(only_conversation(api))
    assert [m["content"] for m in conversation["messages"]] == [
        "What is machine learning?",
        "Action search_knowledge_base performed",
        "Machine learning is...",
    ]
    (log,) = conversation["messages"][1]["action_logs"]
    assert log["duration_ms"] == 150
    detail = api.fetch_conversation(conversation["id"])
    assert detail["token_usage"]["totals"]["total_tokens"] == 77
    assert len([r for r in server.requests if r.path == "/api/ingest/"]) == 1


def test_order(server: LocalServer, api: AgentSightAPI) -> None:
    """The transcript has the tracked order, strictly increasing in time."""
    run(server, IMPORT, IN_ORDER, SEND)
    messages = api.fetch_conversation(only_conversation(api))["messages"]
    assert [m["content"] for m in messages][:3] == [
        "2 + 2 = ?",
        "Action calculate performed",
        "The answer is 4",
    ]
    assert messages[3]["button"]["value"] == "yes"
    times = [m["timestamp"] for m in messages]
    assert times == sorted(set(times))


def test_when_to_send(server: LocalServer, api: AgentSightAPI) -> None:
    """Both patterns deliver every exchange once."""
    run(server, IMPORT, AGENT, WHEN_TO_SEND, "handle_query('a')\nhandle_session(['b', 'c'])\n")
    assert transcript(api, only_conversation(api)) == [
        pair for text in "abc" for pair in (("end_user", text), ("agent", f"You asked: {text}"))
    ]


def test_several_conversations(server: LocalServer, api: AgentSightAPI) -> None:
    """Each conversation keeps its own order."""
    second = SEND + "conversation_tracker.configure(conversation_id='user-456')" + SEND
    run(server, IMPORT, SEVERAL, second)
    assert transcript(api, "user-123") == [("end_user", "Hello"), ("agent", "How can I help?")]
    assert transcript(api, "user-456") == [("end_user", "Hi there")]


def test_metadata(server: LocalServer, api: AgentSightAPI) -> None:
    """Metadata of a message, an action and the conversation is read back as given."""
    run(server, IMPORT, METADATA, SEND)
    conversation = api.fetch_conversation("support-123")
    question, action = conversation["messages"]
    assert question["metadata"]["support_category"] == "account"
    assert action["action_logs"][0]["metadata"] == {
        "query_type": "SELECT",
        "cache_hit": False,
        "rows_returned": 10,
    }
    assert conversation["metadata"]["user_agent"] == "Chrome/91.0"

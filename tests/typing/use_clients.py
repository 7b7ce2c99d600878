"""The clients as a user writes them; mypy checks this file, nothing runs it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, assert_type

from agentsight_otel.clients import AgentSightAPI, ConversationManager
from agentsight_otel.config import Config
from agentsight_otel.enums import Sentiment

manager = ConversationManager()
manager = ConversationManager("key", endpoint="http://localhost:8000", timeout=3.0)
manager = ConversationManager(config=Config.resolve())

assert_type(manager.rename_conversation("conv_1", "A name"), dict[str, Any])
assert_type(manager.mark_conversation(7, is_marked=True), dict[str, Any])
assert_type(manager.update_conversation("conv_1", device="phone", metadata={"plan": "pro"}), dict[str, Any])
assert_type(manager.submit_feedback("conv_1", Sentiment.POSITIVE, comment="thanks"), dict[str, Any])
assert_type(manager.delete_conversation("conv_1"), dict[str, Any])
assert_type(manager.create_ticket("Broken", tags=["billing"], conversation_id="conv_1"), dict[str, Any])

api = AgentSightAPI()
since = datetime(2026, 1, 1, tzinfo=UTC)
page = api.fetch_conversations(has_messages=True, started_at_after=since, full=False)
assert_type(page, dict[str, Any])
assert_type(api.iter_conversations(is_marked=True), Iterator[dict[str, Any]])
assert_type([row["id"] for row in api.iter_conversations(full=True)], list[Any])
assert_type(api.fetch_conversation(7), dict[str, Any])
assert_type(api.fetch_messages("conv_1"), list[dict[str, Any]])
assert_type(api.fetch_metadata_keys(), list[str])
assert_type(api.fetch_trace("0" * 32), dict[str, Any])

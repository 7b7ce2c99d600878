"""Run by test_server_sdks in an environment with only agentsight==0.0.44: prints what it saw as JSON."""

import base64
import io
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from agentsight import agentsight_api as api
from agentsight import conversation_manager as manager
from agentsight import conversation_tracker as tracker
from agentsight.exceptions import ForbiddenException, NotFoundException, UnauthorizedException

PDF = {"filename": "a.pdf", "mime_type": "application/pdf", "data": base64.b64encode(b"%PDF-1").decode()}


def refused(error: type[Exception], call: Callable[..., Any], *arguments: Any, **named: Any) -> bool:
    """Tell whether a call raises exactly this error."""
    try:
        call(*arguments, **named)
    except error:
        return True
    return False


tracker.initialize_conversation("opened", customer_id="bob", environment="production")
opened = api.fetch_conversation("opened")
tracker.get_or_create_conversation(
    conversation_id="story",
    customer_id="bob",
    device="tv",
    language="en",
    name="Parcel",
    environment="production",
    metadata={"plan": "pro"},
)
tracker.track_human_message("Where is my parcel?", metadata={"n": 1})
tracker.track_action("lookup", duration_ms=12, tools_used={"order": 7}, response="found")
tracker.track_agent_message("On its way.")
tracker.track_button("helpful", "👍", "yes")
tracker.track_token_usage(prompt_tokens=45, completion_tokens=32, total_tokens=77)
tracker.track_attachments([PDF])
sent = tracker.send_tracked_data()

tracker.configure(conversation_id="forms")
picture = {"data": io.BytesIO(b"\x89PNG\r\n\x1a\nrest").getvalue()}
tracker.get_or_create_conversation("forms")
tracker.track_human_message("look", attachments=[PDF])
tracker.track_attachments([picture], mode="form_data")
forms_sent = tracker.send_tracked_data()

feedback = manager.submit_feedback("story", "positive", comment="fast", metadata={"m": 1})
renamed = manager.rename_conversation("story", " Renamed ")
marked = manager.mark_conversation("story", True)
updated = manager.update_conversation("story", language="de", metadata={"plan": "free"})
key = renamed["id"]
detail = api.fetch_conversation(key)
files = api.fetch_conversation_attachments("story")
found = api.fetch_conversations(
    feedback_sentiment="positive", page_size=10, metadata="plan:free", is_marked=True, action_name="look"
)
deleted = manager.delete_conversation("forms")
after = api.fetch_conversations(include_deleted=False)

errors = {
    "missing": refused(NotFoundException, api.fetch_conversation, 987654321),
    "unknown": refused(NotFoundException, api.fetch_conversation, "nobody"),
}
manager.configure(api_key="ags_" + "0" * 32 + "_" + "0" * 6)
errors["unauthorized"] = refused(UnauthorizedException, manager.rename_conversation, key, "x")
manager.configure(api_key=os.environ["READ_KEY"])
errors["forbidden"] = refused(ForbiddenException, manager.rename_conversation, key, "x")

names = ("sent", "forms_sent", "opened", "feedback", "renamed", "marked", "updated", "detail", "files")
result = {name: globals()[name] for name in (*names, "found", "deleted", "after", "errors")}
sys.stdout.write("\n" + json.dumps(result))

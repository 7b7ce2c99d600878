"""Run by test_server_sdks in an environment with only agentsight==0.1.4: prints what it saw as JSON."""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

import agentsight
from agentsight.api import AgentSight
from agentsight.exceptions import (
    AuthenticationError,
    NotFoundError,
    PermissionDeniedError,
    UploadError,
    ValidationError,
)


def refused(error: type[Exception], call: Callable[..., Any], *arguments: Any, **named: Any) -> bool:
    """Tell whether a call raises exactly this error."""
    try:
        call(*arguments, **named)
    except error:
        return True
    return False


@agentsight.tool(name="lookup")
def lookup(order: int) -> str:
    """Pretend to look an order up."""
    return "found" if order else "none"


def key_of(name: str) -> int:
    """Return the integer key of a conversation."""
    return client.conversations.resolve(name)


started = agentsight.init(auto_instrument=False, export_interval_ms=200)
agentsight.open_conversation("opened", customer_id="bob")
with agentsight.conversation(
    "story", customer_id="bob", device="tv", language="en", name="Parcel", metadata={"plan": "pro"}
):
    with agentsight.turn():
        agentsight.user_message("Where is my parcel?", metadata={"n": 1})
        lookup(order=7)
        agentsight.agent_message("On its way.")
    agentsight.button("helpful", "👍", "yes")
    agentsight.upload_attachments([{"filename": "a.pdf", "data": b"%PDF-1", "mime_type": "application/pdf"}])
flushed = agentsight.flush()

client = AgentSight()
me = client.me()
opened = client.conversations.get("opened")
feedback = client.feedbacks.create_for_conversation("story", "positive", "fast")
renamed = client.conversations.rename("story", "Renamed")
marked = client.conversations.mark("story")
updated = client.conversations.update("story", language="de", metadata={"plan": "free"})
merged = client.conversations.update_metadata("story", {"more": 1}, remove=["plan"])
detail = client.conversations.get("story")
files = client.conversations.attachments("story")
lean = [row["conversation_id"] for row in client.conversations.list(is_marked=True, has_feedback=True)]
full = client.conversations.list_full(conversation_id="story").first()["messages"]

message = detail["messages"][0]["id"]
client.messages.update_metadata(message, {"added": 1})
vote = client.feedbacks.create_for_message(message, "negative", topic="facts")
again = client.feedbacks.create_for_message(message, "positive")
agent_vote = client.feedbacks.create_for_agent("neutral", environment="development")
client.feedbacks.update(agent_vote["id"], comment="ok")
votes = [row["kind"] for row in client.feedbacks.list()]
ticket = client.tickets.create("Fix", priority="high", tags=["a"], conversation="story")
client.tickets.add_comment(ticket["id"], "looking")
client.tickets.update(ticket["id"], status="done")
ticket = client.tickets.get(ticket["id"])
thread = [row["body"] for row in client.tickets.comments(ticket["id"])]
actions = [row["name"] for row in client.actions.list()]
action = client.actions.list(name="lookup").first()["id"]
client.actions.update(action, display_name="Look up")
runs = client.actions.logs(action)
usage = list(client.usage.list())
summary = client.usage.summary()
spans = list(client.spans.list(conversation_id="story"))
trace = client.spans.trace(next(row for row in spans if row["kind"] == "turn")["trace_id"])
span_payload = client.spans.get(spans[0]["id"], payload=True)["payload"]["span_id"]
keys = client.conversations.metadata_keys()
values = client.conversations.metadata_values("more")
message_keys = client.conversations.message_metadata_keys()

file = {"data": b"x", "mime_type": "text/plain"}
agentsight.upload_attachments([file | {"filename": "a.txt"}], conversation_id="files")
alone = client.conversations.get("files")["messages"][0]["id"]
agentsight.upload_attachments([file | {"filename": "b.txt"}], conversation_id="files", message_id=alone)
joined = [row["filename"] for row in client.messages.get(alone)["attachments"]]
slugs = list(client.environments())
lost = {"conversation_id": "files", "message_id": 987654321}

reader = AgentSight(os.environ["READ_KEY"])
stranger = AgentSight("ags_" + "0" * 32 + "_" + "0" * 6)
errors = {
    "missing": refused(NotFoundError, client.conversations.get, 987654321),
    "unknown": refused(NotFoundError, client.conversations.get, "nobody"),
    "unauthorized": refused(AuthenticationError, stranger.me),
    "forbidden": refused(PermissionDeniedError, reader.conversations.rename, key_of("story"), "x"),
    "invalid": refused(ValidationError, client.feedbacks.create_for_conversation, "story", "great"),
    "upload": refused(UploadError, agentsight.upload_attachments, [file | {"filename": "c.txt"}], **lost),
    "taken": refused(ValidationError, client.actions.create, "lookup"),
}
client.feedbacks.delete(agent_vote["id"])
errors["gone"] = refused(NotFoundError, client.feedbacks.get, agent_vote["id"])
client.tickets.delete(ticket["id"])
client.conversations.delete("opened")
client.conversations.delete("files")
left = [row["conversation_id"] for row in client.conversations.list()]
agentsight.shutdown()

names = [
    "started",
    "flushed",
    "me",
    "opened",
    "feedback",
    "renamed",
    "marked",
    "updated",
    "merged",
    "detail",
    "files",
    "lean",
    "full",
    "vote",
    "again",
    "votes",
    "ticket",
    "thread",
    "actions",
    "runs",
    "usage",
    "summary",
    "trace",
    "span_payload",
    "keys",
    "values",
    "message_keys",
    "joined",
    "slugs",
    "errors",
    "left",
]
sys.stdout.write("\n" + json.dumps({name: globals()[name] for name in names}))

"""Who a conversation is with, and its metadata, as the spans of its runs say."""

from __future__ import annotations

from typing import Any

from agentsight_otel.encoding import to_jsonable
from agentsight_otel.translation.assembly.memory import Conversation
from agentsight_otel.translation.assembly.trees import Node
from agentsight_otel.translation.dialects.values import as_id, load

_NOISE = (
    "langgraph_",
    "ls_",
    "lc_",
    "__",
    "checkpoint_",
    "tags",
)
_IDS = (
    "thread_id",
    "session_id",
    "conversation_id",
    "user_id",
    "sessionId",
    "conversationId",
    "threadId",
    "chatId",
    "chat_id",
    "userId",
    "customer_id",
    "customerId",
)
"""They name the conversation or the customer, unless these have another name."""
_MAX_ENTRIES = 64


def describe(conversation: Conversation, roots: list[Node], asides: list[Node]) -> None:
    """Take the customer and the metadata from the outermost spans that name them, else from those beside."""
    for aside in asides:
        conversation.customer = conversation.customer or aside.reading.customer
    for root in roots:
        customer, metadata = _of_run(root)
        conversation.customer = customer or conversation.customer
        for key, value in metadata.items():
            if len(conversation.metadata) < _MAX_ENTRIES or key in conversation.metadata:
                conversation.metadata[key] = value


def _of_run(root: Node) -> tuple[str | None, dict[str, Any]]:
    customer: str | None = None
    metadata: dict[str, Any] = {}
    level = [root]
    while level and not (customer and metadata):
        below: list[Node] = []
        for node in level:
            reading = node.reading
            customer = customer or reading.customer
            if reading.describes and not metadata:
                metadata = _own_metadata(node)
            below += node.below
        level = below
    return customer or _above(root), metadata


def _above(root: Node) -> str | None:
    parent = root.parent
    while parent is not None:
        if parent.reading.customer:
            return parent.reading.customer
        parent = parent.parent
    return None


def _own_metadata(node: Node) -> dict[str, Any]:
    reading = node.reading
    session = node.span.attributes.get("session.id")
    if not reading.has_metadata and session in (None, node.conversation):
        return {}
    told = reading.metadata
    known = {node.conversation, reading.conversation, reading.customer}
    metadata = {
        key: to_jsonable(value)
        for key, value in told.items()
        if not key.startswith(_NOISE) and not (key.startswith(_IDS) and as_id(value) in known)
    }
    tags = load(reading.fields.get("tags"))
    if isinstance(tags, str):
        tags = [tag.strip() for tag in tags.split(",") if tag.strip()]
    if isinstance(tags, list) and tags:
        metadata["tags"] = to_jsonable(tags)
    if isinstance(session, str) and session and session != node.conversation:
        metadata["session_id"] = session
    return metadata

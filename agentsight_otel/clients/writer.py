"""Writing what hangs off conversations: metadata, feedback, tickets and actions."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any

from agentsight_otel.clients.base import Client
from agentsight_otel.clients.checks import (
    checked_changes,
    checked_choice,
    checked_clear,
    checked_comment,
    checked_key,
    checked_metadata,
    checked_ref,
    checked_sentiment,
    checked_slug,
    checked_text,
)
from agentsight_otel.enums import Sentiment
from agentsight_otel.exceptions import NotFoundException

Row = dict[str, Any]

TICKET_STATUSES = ("backlog", "open", "in_progress", "in_review", "done", "closed")
TICKET_PRIORITIES = ("low", "medium", "high")
MAX_TICKET_COMMENT_LENGTH = 20_000


class RecordWriter(Client):
    """The writing methods beside conversations. Arguments that are None are not sent."""

    def update_metadata(
        self,
        conversation_id: int | str,
        metadata: Mapping[str, Any] | None = None,
        remove: Iterable[str] = (),
    ) -> Row:
        """Merge keys into a conversation's metadata and remove others.

        The agentsight-otel server does it in one step. From another the metadata is read and written whole,
        so that what somebody else changes in between is lost.

        Raises:
            InvalidConversationDataException: metadata is not a dict.
            InvalidChoiceException: Nothing to update; also a ValueError.
        """
        merge = checked_metadata(metadata) or {}
        removed = set(remove)
        checked_changes(metadata=merge or None, remove=removed or None)
        path = self._conversation_path(conversation_id)
        with contextlib.suppress(NotFoundException):
            return self._send("PATCH", f"{path}metadata/", {"metadata": merge, "remove": list(removed)})
        stored = self._get(path).get("metadata") or {}
        kept = {key: value for key, value in stored.items() if key not in removed}
        return self._send("PATCH", f"{path}update/", {"metadata": kept | merge})

    def update_message(self, message_id: int, metadata: Mapping[str, Any]) -> Row:
        """Replace a message's metadata."""
        path = f"/api/track/{checked_key(message_id, 'message_id')}/"
        return self._send("PATCH", path, checked_changes(metadata=checked_metadata(metadata)))

    def submit_message_feedback(
        self,
        message_id: int,
        sentiment: Sentiment | str,
        comment: str | None = None,
        topic: str | None = None,
        reason: str | None = None,
    ) -> Row:
        """Vote on a message; a second vote on it changes the first.

        Args:
            message_id: Integer id of the message.
            sentiment: ``positive``, ``neutral`` or ``negative``.
            comment: At most 5000 characters.
            topic: A label of at most 50 characters.
            reason: A label of at most 50 characters.
        """
        return self._feedback(
            "message",
            sentiment,
            message=checked_key(message_id, "message_id"),
            comment=checked_comment(comment),
            topic=checked_slug(topic, "topic"),
            reason=checked_slug(reason, "reason"),
        )

    def submit_agent_feedback(
        self, sentiment: Sentiment | str, comment: str | None = None, environment: str | None = None
    ) -> Row:
        """Rate the agent as a whole; the agent is that of the key."""
        checked = checked_sentiment(sentiment)
        text = checked_comment(comment)
        agent = self._get("/api/me/")["agent_id"]
        return self._feedback("agent", checked, agent=agent, comment=text, environment=environment)

    def update_feedback(
        self,
        feedback_id: int,
        sentiment: Sentiment | str | None = None,
        comment: str | None = None,
        topic: str | None = None,
        reason: str | None = None,
        *,
        clear: Iterable[str] = (),
    ) -> Row:
        """Change a feedback; topic and reason exist on the feedback of a message only.

        *clear* names fields to empty: ``comment``, ``topic``, ``reason``.
        """
        changes = checked_changes(
            checked_clear(clear, "comment", "topic", "reason"),
            sentiment=None if sentiment is None else checked_sentiment(sentiment),
            comment=checked_comment(comment),
            topic=checked_slug(topic, "topic"),
            reason=checked_slug(reason, "reason"),
        )
        return self._send("PATCH", f"/api/feedbacks/{checked_key(feedback_id, 'feedback_id')}/", changes)

    def delete_feedback(self, feedback_id: int) -> None:
        """Delete a feedback for good."""
        self._send("DELETE", f"/api/feedbacks/{checked_key(feedback_id, 'feedback_id')}/")

    def create_ticket(
        self,
        title: str,
        *,
        status: str | None = None,
        priority: str | None = None,
        tags: Iterable[str] | None = None,
        environment: str | None = None,
        conversation_id: int | str | None = None,
        feedback_id: int | None = None,
    ) -> Row:
        """Open a ticket; each call opens another and notifies the team.

        Args:
            title: 1 to 255 characters.
            status: ``backlog``, ``open`` (default), ``in_progress``, ``in_review``, ``done`` or ``closed``.
            priority: ``low``, ``medium`` or ``high``.
            tags: Labels.
            environment: Slug; default production. It cannot be changed later.
            conversation_id: String id or integer id of the conversation it is about.
            feedback_id: The feedback it comes from.
        """
        body = {
            "title": checked_text(title, "title"),
            **_ticket_fields(status, priority, tags),
            "environment": environment,
            "feedback_id": None if feedback_id is None else checked_key(feedback_id, "feedback_id"),
        }
        if conversation_id is not None:
            body["conversation_id"] = self._resolve(checked_ref(conversation_id))
        return self._send("POST", "/api/tickets/", checked_changes(**body))

    def update_ticket(
        self,
        ticket_id: int,
        *,
        title: str | None = None,
        status: str | None = None,
        priority: str | None = None,
        tags: Iterable[str] | None = None,
        clear: Iterable[str] = (),
    ) -> Row:
        """Change a ticket's title, status, priority or tags; *clear* may name ``priority``."""
        changes = checked_changes(
            checked_clear(clear, "priority"),
            title=None if title is None else checked_text(title, "title"),
            **_ticket_fields(status, priority, tags),
        )
        return self._send("PATCH", f"/api/tickets/{checked_key(ticket_id, 'ticket_id')}/", changes)

    def delete_ticket(self, ticket_id: int) -> None:
        """Delete a ticket and its comments for good."""
        self._send("DELETE", f"/api/tickets/{checked_key(ticket_id, 'ticket_id')}/")

    def add_ticket_comment(self, ticket_id: int, body: str) -> Row:
        """Comment on a ticket; the team is notified."""
        text = {"body": checked_text(body, "body", MAX_TICKET_COMMENT_LENGTH)}
        return self._send("POST", f"/api/tickets/{checked_key(ticket_id, 'ticket_id')}/comments/", text)

    def create_action(
        self, name: str, display_name: str | None = None, description: str | None = None
    ) -> Row:
        """Define an action before its first run; the name is unique in the agent."""
        fields = {"name": checked_text(name, "name"), "display_name": display_name}
        return self._send("POST", "/api/actions/", checked_changes(**fields, description=description))

    def update_action(
        self,
        action_id: int,
        *,
        name: str | None = None,
        display_name: str | None = None,
        description: str | None = None,
    ) -> Row:
        """Change an action's name, the name people see, or its description."""
        changes = checked_changes(
            name=None if name is None else checked_text(name, "name"),
            display_name=display_name,
            description=description,
        )
        return self._send("PATCH", f"/api/actions/{checked_key(action_id, 'action_id')}/", changes)

    def _feedback(self, kind: str, sentiment: Sentiment | str, **fields: Any) -> Row:
        body = {"kind": kind, "sentiment": checked_sentiment(sentiment), **fields}
        return self._send("POST", "/api/feedbacks/", checked_changes(**body))

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Row:
        answer = self._request(method, path, json=body)
        return answer if isinstance(answer, dict) else {}


def _ticket_fields(status: str | None, priority: str | None, tags: Iterable[str] | None) -> Row:
    return {
        "status": None if status is None else checked_choice(status, "status", TICKET_STATUSES),
        "priority": None if priority is None else checked_choice(priority, "priority", TICKET_PRIORITIES),
        "tags": None if tags is None else [str(tag) for tag in tags],
    }

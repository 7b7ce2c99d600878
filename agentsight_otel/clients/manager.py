"""ConversationManager: rename, mark, update, delete and rate conversations, and what belongs to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agentsight_otel.clients.checks import (
    checked_changes,
    checked_clear,
    checked_comment,
    checked_metadata,
    checked_ref,
    checked_sentiment,
    checked_text,
)
from agentsight_otel.clients.writer import RecordWriter
from agentsight_otel.enums import Sentiment


class ConversationManager(RecordWriter):
    """Changes what was recorded. Needs a write key.

    A conversation is named by its string id or its integer id. Every method raises NoApiKeyException
    without a key, MissingConversationIdException (a ValueError) for a blank id,
    ConversationApiException or one of its subclasses when the server answers with an error, and
    ConversationNetworkException when it cannot be reached. Writes are never sent twice.
    """

    def rename_conversation(self, conversation_id: int | str, name: str) -> dict[str, Any]:
        """Rename a conversation.

        Args:
            conversation_id: String id or integer id.
            name: 1 to 255 characters; blanks around it are trimmed.

        Returns:
            ``id, conversation_id, name``.

        Raises:
            InvalidConversationDataException: The name is blank or too long.
        """
        body = {"name": checked_text(name, "name")}
        return self._send("PATCH", self._conversation_path(conversation_id, "rename/"), body)

    def mark_conversation(self, conversation_id: int | str, is_marked: bool) -> dict[str, Any]:
        """Mark a conversation for attention, or unmark it.

        Returns:
            ``id, conversation_id, is_marked``.
        """
        return self._send(
            "POST", self._conversation_path(conversation_id, "mark/"), {"is_marked": bool(is_marked)}
        )

    def delete_conversation(self, conversation_id: int | str) -> dict[str, Any]:
        """Delete a conversation softly: it leaves the lists but stays readable by its integer id.

        Returns:
            ``id, conversation_id, is_deleted, deleted_at``.
        """
        return self._send("DELETE", self._conversation_path(conversation_id, "delete/"))

    def undelete_conversation(self, conversation_id: int | str) -> dict[str, Any]:
        """Bring back a deleted conversation. An extension of the agentsight-otel server.

        Raises:
            NotFoundException: There is no such conversation, or the server does not offer this.
        """
        return self._send("POST", self._conversation_path(conversation_id, "undelete/"))

    def purge_conversation(self, conversation_id: int | str) -> dict[str, Any]:
        """Erase a conversation and everything in it, for good. An extension of the agentsight-otel server.

        Raises:
            NotFoundException: There is no such conversation, or the server does not offer this.
        """
        return self._send("DELETE", self._conversation_path(conversation_id, "purge/"))

    def update_conversation(
        self,
        conversation_id: int | str,
        name: str | None = None,
        is_marked: bool | None = None,
        customer_id: str | None = None,
        device: str | None = None,
        language: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        *,
        clear: Iterable[str] = (),
    ) -> dict[str, Any]:
        """Change several fields of a conversation; what is None stays as it is.

        Args:
            conversation_id: String id or integer id.
            name: 1 to 255 characters.
            is_marked: Marked for attention or not.
            customer_id: May be empty.
            device: May be empty.
            language: May be empty.
            metadata: Replaces the whole metadata.
            clear: Fields to empty: ``customer_id``, ``device``, ``language``, ``metadata``.

        Returns:
            ``id, conversation_id, updated_fields`` and the changed fields.

        Raises:
            InvalidChoiceException: Nothing to update, or another name in *clear*; also a ValueError.
            InvalidConversationDataException: A bad name, or metadata that is not a dict.
        """
        changes = checked_changes(
            checked_clear(clear, "customer_id", "device", "language", "metadata"),
            name=None if name is None else checked_text(name, "name"),
            is_marked=None if is_marked is None else bool(is_marked),
            customer_id=None if customer_id is None else str(customer_id),
            device=None if device is None else str(device),
            language=None if language is None else str(language),
            metadata=checked_metadata(metadata),
        )
        return self._send("PATCH", self._conversation_path(conversation_id, "update/"), changes)

    def submit_feedback(
        self,
        conversation_id: int | str,
        sentiment: Sentiment | str,
        comment: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Record a customer's rating of a conversation.

        Args:
            conversation_id: String id or integer id.
            sentiment: ``positive``, ``neutral`` or ``negative``.
            comment: At most 5000 characters.
            metadata: The hosted service drops it; the agentsight-otel server keeps it.

        Returns:
            ``id, conversation, sentiment, source, comment, metadata, created_at``.

        Raises:
            InvalidChoiceException: An unknown sentiment; also a ValueError.
            InvalidConversationDataException: The comment is too long, or metadata is not a dict.
        """
        ref = checked_ref(conversation_id)
        body: dict[str, Any] = {
            "conversation_id" if isinstance(ref, str) else "conversation": ref,
            "sentiment": checked_sentiment(sentiment),
        }
        optional = {"comment": checked_comment(comment), "metadata": checked_metadata(metadata)}
        body |= {name: value for name, value in optional.items() if value}
        return self._send("POST", "/api/conversation-feedbacks/", body)

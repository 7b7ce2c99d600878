"""AgentSightAPI: read conversations and everything recorded with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from agentsight_otel.clients.checks import checked_ref
from agentsight_otel.clients.query import conversation_query
from agentsight_otel.clients.records import RecordReader
from agentsight_otel.enums import Sentiment
from agentsight_otel.exceptions import NotFoundException

CONVERSATIONS = "/api/conversations/"


class AgentSightAPI(RecordReader):
    """Reads what was recorded. A read key is enough.

    Every method raises NoApiKeyException without a key, ConversationApiException or one of its
    subclasses when the server answers with an error, and ConversationNetworkException when it cannot be
    reached. Reads are tried again on 429, 5xx and connection errors.
    """

    def fetch_conversations(
        self,
        action_name: str | None = None,
        conversation_id: str | None = None,
        customer_id: str | None = None,
        customer_ip_address: str | None = None,
        device: str | None = None,
        has_messages: bool | None = None,
        language: str | None = None,
        message_contains: str | None = None,
        page: int | None = None,
        page_size: int | None = None,
        started_at_after: datetime | str | None = None,
        started_at_before: datetime | str | None = None,
        is_marked: bool | None = None,
        name: str | None = None,
        include_deleted: bool | None = None,
        metadata: str | Mapping[str, Any] | None = None,
        has_feedback: bool | None = None,
        feedback_sentiment: Sentiment | str | None = None,
        feedback_source: str | None = None,
        **extra: Any,
    ) -> dict[str, Any]:
        """Fetch one page of conversations.

        Args:
            action_name: Ran an action whose name contains this.
            conversation_id: The exact string id.
            customer_id: The exact customer.
            customer_ip_address: The exact address.
            device: As recorded.
            has_messages: Has messages or not.
            language: As recorded.
            message_contains: Occurs in a message's text.
            page: From 1.
            page_size: 1 to 100; the server's default is 15.
            started_at_after: ISO 8601 text or a datetime.
            started_at_before: ISO 8601 text or a datetime.
            is_marked: Marked or not.
            name: Occurs in the name.
            include_deleted: Also deleted conversations.
            metadata: ``key:value[,key:value]`` with dotted keys for nesting, or a dict.
            has_feedback: Has feedback or not.
            feedback_sentiment: ``positive``, ``neutral`` or ``negative``.
            feedback_source: ``customer`` or ``platform``.
            **extra: Any other filter of the server, for example ``full=False`` (rows without
                transcripts), ``environment="production"``, ``search=...``, ``ordering="-started_at"``,
                ``customer_id__icontains=...``, ``source=...``, ``button_event=...``.

        Returns:
            ``count, page_size, total_pages, current_page, next, previous, results``.

        Raises:
            InvalidChoiceException: An unknown sentiment or source; also a ValueError.
            InvalidConversationDataException: A filter of a type that cannot be sent.
        """
        filters = {name: value for name, value in locals().items() if name not in {"self", "extra"}}
        return dict(self._get(CONVERSATIONS, conversation_query(filters | extra)))

    def iter_conversations(self, *, full: bool = False, **filters: Any) -> Iterator[dict[str, Any]]:
        """Iterate over all conversations that match, fetching pages of 100 as they are needed.

        Args:
            full: Rows with their whole transcripts; without, rows carry counts only.
            **filters: Those of `fetch_conversations`.

        Raises:
            InvalidChoiceException: An unknown sentiment or source; also a ValueError.
            InvalidConversationDataException: A filter of a type that cannot be sent.
        """
        return self._pages(CONVERSATIONS, conversation_query({"full": full, **filters}))

    def fetch_conversation(self, conversation_id: int | str) -> dict[str, Any]:
        """Fetch one conversation with its transcript.

        Args:
            conversation_id: The integer id gives the detail form, the string id the list form.

        Raises:
            MissingConversationIdException: A blank id, or neither int nor str; also a ValueError.
            NotFoundException: There is no such conversation.
        """
        ref = checked_ref(conversation_id)
        if isinstance(ref, int):
            return dict(self._get(f"{CONVERSATIONS}{ref}/"))
        found = self.fetch_conversations(conversation_id=ref, page_size=1)["results"]
        if not found:
            raise NotFoundException("no conversation has this conversation_id")
        return dict(found[0])

    def fetch_conversation_attachments(self, conversation_id: int | str) -> dict[str, Any]:
        """Fetch the attachments of a conversation, each with an address to download it from.

        Raises:
            MissingConversationIdException: A blank id, or neither int nor str; also a ValueError.
            NotFoundException: There is no such conversation.
        """
        return dict(self._get(self._conversation_path(conversation_id, "attachments/")))

"""Reading what hangs off conversations: messages, feedback, tickets, actions, usage, spans, metadata."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agentsight_otel.clients.base import Client
from agentsight_otel.clients.checks import checked_choice, checked_key, checked_text, checked_trace_id
from agentsight_otel.clients.query import encode_query

Row = dict[str, Any]

USAGE_GROUPS = ("model", "conversation", "day")
CURRENCIES = ("usd", "eur")


class RecordReader(Client):
    """The reading methods beside conversations.

    ``fetch_<plural>`` gets one page in the envelope of `AgentSightAPI.fetch_conversations`;
    ``iter_<plural>`` yields every row, fetching pages of 100 as they are needed. Filters are those of the
    server, by name; None is left out and a list repeats the name.
    """

    def fetch_identity(self) -> Row:
        """Fetch which agent the key belongs to, its role, the environments and the capabilities."""
        return dict(self._get("/api/me/"))

    def fetch_message(self, message_id: int) -> Row:
        """Fetch one message with its metadata, attachments, action logs and vote."""
        return dict(self._get(f"/api/track/{checked_key(message_id, 'message_id')}/"))

    def fetch_messages(self, conversation_id: int | str) -> list[Row]:
        """Fetch the messages of a conversation, oldest first."""
        return list(self._get(self._conversation_path(conversation_id)).get("messages", []))

    def fetch_feedbacks(self, **filters: Any) -> Row:
        """Fetch a page of feedback, newest first; filters such as ``kind``, ``sentiment``, ``topic``."""
        return dict(self._get("/api/feedbacks/", encode_query(filters)))

    def iter_feedbacks(self, **filters: Any) -> Iterator[Row]:
        """Iterate over all feedback that matches."""
        return self._pages("/api/feedbacks/", encode_query(filters))

    def fetch_feedback(self, feedback_id: int) -> Row:
        """Fetch one feedback with its ticket, if any."""
        return dict(self._get(f"/api/feedbacks/{checked_key(feedback_id, 'feedback_id')}/"))

    def fetch_tickets(self, **filters: Any) -> Row:
        """Fetch a page of tickets; filters such as ``status``, ``priority``, ``tags``."""
        return dict(self._get("/api/tickets/", encode_query(filters)))

    def iter_tickets(self, **filters: Any) -> Iterator[Row]:
        """Iterate over all tickets that match."""
        return self._pages("/api/tickets/", encode_query(filters))

    def fetch_ticket(self, ticket_id: int) -> Row:
        """Fetch one ticket with its comments."""
        return dict(self._get(f"/api/tickets/{checked_key(ticket_id, 'ticket_id')}/"))

    def fetch_ticket_comments(self, ticket_id: int) -> list[Row]:
        """Fetch the comments of a ticket, oldest first."""
        found = self._get(f"/api/tickets/{checked_key(ticket_id, 'ticket_id')}/comments/")
        return list(found if isinstance(found, list) else found.get("results", []))

    def fetch_actions(self, **filters: Any) -> Row:
        """Fetch a page of the agent's actions; filters ``name``, ``name__icontains``, ``search``."""
        return dict(self._get("/api/actions/", encode_query(filters)))

    def iter_actions(self, **filters: Any) -> Iterator[Row]:
        """Iterate over all actions that match."""
        return self._pages("/api/actions/", encode_query(filters))

    def fetch_action(self, action_id: int) -> Row:
        """Fetch one action."""
        return dict(self._get(f"/api/actions/{checked_key(action_id, 'action_id')}/"))

    def fetch_action_logs(self, action_id: int) -> list[Row]:
        """Fetch the runs of an action."""
        return list(self._get(f"/api/actions/{checked_key(action_id, 'action_id')}/logs/"))

    def fetch_token_usage(self, **filters: Any) -> Row:
        """Fetch a page of token usage, one row per turn and model."""
        return dict(self._get("/api/token-usage/", encode_query(filters)))

    def iter_token_usage(self, **filters: Any) -> Iterator[Row]:
        """Iterate over all token usage that matches."""
        return self._pages("/api/token-usage/", encode_query(filters))

    def fetch_token_usage_summary(
        self, group_by: str = "model", currency: str = "usd", **filters: Any
    ) -> Row:
        """Fetch token and cost totals.

        Args:
            group_by: ``model``, ``conversation`` or ``day``.
            currency: ``usd`` or ``eur``.
            **filters: Those of `fetch_token_usage`.

        Raises:
            InvalidChoiceException: Another *group_by* or *currency*; also a ValueError.
        """
        asked = {
            "group_by": checked_choice(group_by, "group_by", USAGE_GROUPS),
            "currency": checked_choice(currency, "currency", CURRENCIES),
        }
        return dict(self._get("/api/token-usage/summary/", encode_query(filters | asked)))

    def fetch_spans(self, **filters: Any) -> Row:
        """Fetch a page of spans, newest first; filters such as ``kind``, ``status``, ``trace_id``."""
        return dict(self._get("/api/spans/", encode_query(filters)))

    def iter_spans(self, **filters: Any) -> Iterator[Row]:
        """Iterate over all spans that match."""
        return self._pages("/api/spans/", encode_query(filters))

    def fetch_span(self, row_id: int, *, payload: bool = False) -> Row:
        """Fetch one span by its row id (not its span id).

        Args:
            row_id: The ``id`` of a row of `fetch_spans`.
            payload: Also the span exactly as it was ingested.
        """
        query = encode_query({"payload": payload or None})
        return dict(self._get(f"/api/spans/{checked_key(row_id, 'row_id')}/", query))

    def fetch_trace(self, trace_id: str) -> Row:
        """Fetch a trace as a tree: ``trace_id, span_count, truncated, roots``."""
        return dict(self._get(f"/api/traces/{checked_trace_id(trace_id)}/"))

    def fetch_metadata_keys(self) -> list[str]:
        """Fetch the keys that occur in conversations' metadata, nested ones dotted."""
        return list(self._get("/api/conversations/metadata-keys/").get("keys", []))

    def fetch_metadata_values(self, key: str) -> list[Any]:
        """Fetch the values that occur under a key of conversations' metadata."""
        query = [("key", checked_text(key, "key"))]
        return list(self._get("/api/conversations/metadata-values/", query).get("values", []))

    def fetch_message_metadata_keys(self) -> list[str]:
        """Fetch the keys that occur in messages' metadata, nested ones dotted."""
        return list(self._get("/api/conversations/message-metadata-keys/").get("keys", []))

    def fetch_buttons(self, **filters: Any) -> Row:
        """Fetch a page of button clicks; filters such as ``button_event``."""
        return dict(self._get("/api/buttons/", encode_query(filters)))

    def iter_buttons(self, **filters: Any) -> Iterator[Row]:
        """Iterate over all button clicks that match."""
        return self._pages("/api/buttons/", encode_query(filters))

    def fetch_button_stats(self, event: str | None = None) -> list[Row]:
        """Fetch how often each button was clicked: ``button_event, value, label, count``."""
        return list(self._get("/api/buttons/stats/", encode_query({"event": event})))

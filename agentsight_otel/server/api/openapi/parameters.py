"""The query parameters of the reading routes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from agentsight_otel.enums import Sentiment
from agentsight_otel.server.api.conversations import FEEDBACK_SOURCES
from agentsight_otel.server.api.feedbacks import KINDS
from agentsight_otel.server.api.spans import STATUSES as SPAN_STATUSES
from agentsight_otel.server.api.tickets import PRIORITIES, STATUSES
from agentsight_otel.server.api.usage import COST_SOURCES
from agentsight_otel.server.store import actions, feedbacks, listing, spans, tickets, usage_reading
from agentsight_otel.server.store.dialect import MAX_ID

Schema = Mapping[str, Any]


class Parameter(NamedTuple):
    """One query parameter."""

    schema: Schema
    text: str
    required: bool = False


Parameters = Mapping[str, Parameter]

_TEXT: Final[Schema] = {"type": "string"}
_FLAG: Final[Schema] = {"type": "boolean"}
_KEY: Final[Schema] = {"type": "integer", "minimum": 0, "maximum": MAX_ID}
_MOMENT: Final[Schema] = {"type": "string", "format": "date-time"}


def _choice(values: Iterable[str]) -> Schema:
    return {"type": "string", "enum": list(values)}


def _exact(*names: str) -> dict[str, Parameter]:
    return {name: Parameter(_TEXT, "Exactly this.") for name in names}


def _part(*names: str) -> dict[str, Parameter]:
    return {name: Parameter(_TEXT, "Contains this, in any case.") for name in names}


def _flags(*names: str) -> dict[str, Parameter]:
    return {name: Parameter(_FLAG, "Only those that are, or are not.") for name in names}


def _keys(*names: str) -> dict[str, Parameter]:
    return {name: Parameter(_KEY, "Integer id.") for name in names}


def _span_of(*names: str) -> dict[str, Parameter]:
    return {
        f"{name}_{end}": Parameter(_MOMENT, f"Not {'before' if end == 'after' else 'after'} this time.")
        for name in names
        for end in ("after", "before")
    }


def _ordering(fields: Iterable[str]) -> dict[str, Parameter]:
    text = (
        f"Fields separated by commas, `-` before those that descend: {', '.join(fields)}. Others are ignored."
    )
    return {"ordering": Parameter(_TEXT, text)}


def _environments(*names: str) -> dict[str, Parameter]:
    return {
        name: Parameter(_TEXT, "Slug of an environment; `prod` and `dev` are understood.") for name in names
    }


PAGES: Final[Parameters] = {
    "page": Parameter({"type": "integer", "minimum": 1}, "From 1; one that is not there is a 404."),
    "page_size": Parameter({"type": "integer", "minimum": 1}, "15 unless given; above 100 it is 100."),
}
BARE: Final[Parameters] = {
    "paginate": Parameter(
        _choice(("false", "true")), "`false` returns a bare list; 400 when it would be too long."
    )
}
CONVERSATION_ID: Final[Parameters] = {
    "conversation_id": Parameter({"type": "string", "minLength": 1}, "The string id.", required=True)
}
METADATA_KEY: Final[Parameters] = {
    "key": Parameter({"type": "string", "minLength": 1}, "A dotted path.", required=True)
}
PAYLOAD: Final[Parameters] = {"payload": Parameter(_FLAG, "Also the span exactly as it was ingested.")}
EVENT: Final[Parameters] = _exact("event")
SIGNED: Final[Parameters] = {
    "expires": Parameter(_TEXT, "Seconds since 1970, from the link.", required=True),
    "signature": Parameter(_TEXT, "From the link.", required=True),
}

CONVERSATIONS: Final[Parameters] = {
    **PAGES,
    **BARE,
    "full": Parameter(_FLAG, "Rows with their transcripts; true unless given."),
    **_ordering(listing.ORDERINGS),
    **_exact("conversation_id", "customer_id", "customer_ip_address", "device", "language", "source"),
    **_exact("button_event"),
    **_part("customer_id__icontains", "name", "action_name", "message_contains"),
    "search": Parameter(_TEXT, "Occurs in the name, an id or a message."),
    **_flags("is_marked", "has_messages", "has_action", "has_feedback"),
    "include_deleted": Parameter(_FLAG, "Also deleted ones."),
    "include_tickets": Parameter(_FLAG, "Only those with tickets, and with their tickets."),
    **_environments("env", "environment"),
    "feedback_sentiment": Parameter(_choice(Sentiment), "Has feedback of this sentiment."),
    "feedback_source": Parameter(_choice(FEEDBACK_SOURCES), "Has feedback from here."),
    "metadata": Parameter(_TEXT, "`key:value[,key:value]`; dotted keys for nesting; all must hold."),
    "metadata_key": Parameter(_TEXT, "One dotted key, for values with a comma or colon."),
    "metadata_value": Parameter(_TEXT, "The value of `metadata_key`."),
    **_span_of("started_at"),
}
FEEDBACKS: Final[Parameters] = {
    **PAGES,
    **BARE,
    **_ordering(feedbacks.ORDERINGS),
    "kind": Parameter(_choice(KINDS), "What it is about."),
    "sentiment": Parameter(_choice(Sentiment), "Of this sentiment."),
    **_keys("conversation", "message", "agent", "user"),
    **_exact("conversation_id", "topic", "reason", "category"),
    **_part("comment_contains", "search"),
    **_flags("has_comment"),
    **_environments("env", "environment"),
    **_span_of("created_at"),
    "include_tickets": Parameter(_FLAG, "Only those made into tickets, and with their tickets."),
    "has_ticket": Parameter(_FLAG, "Only with `include_tickets`."),
    "ticket_status": Parameter(
        {"type": "array", "items": _choice(STATUSES)}, "Only with `include_tickets`; any of these."
    ),
}
TICKETS: Final[Parameters] = {
    **PAGES,
    **BARE,
    **_ordering(tickets.ORDERINGS),
    "status": Parameter({"type": "array", "items": _choice(STATUSES)}, "Any of these."),
    "priority": Parameter(_choice(PRIORITIES), "Of this priority."),
    **_keys("conversation"),
    **_exact("conversation_id"),
    **_flags("has_conversation", "has_feedback"),
    "tags": Parameter(_TEXT, "Separated by commas; any of these."),
    "search": Parameter(_TEXT, "Occurs in the title."),
    **_span_of("created_at", "updated_at"),
}
ACTIONS: Final[Parameters] = {
    **PAGES,
    **BARE,
    **_ordering(actions.ORDERINGS),
    **_exact("name"),
    **_part("name__icontains", "display_name", "search"),
}
BUTTONS: Final[Parameters] = {**PAGES, **BARE, **_exact("event", "button_event")}
COMMENTS: Final[Parameters] = {**PAGES, **BARE}
_USAGE: Final[Parameters] = {
    **_exact("model", "conversation_id", "turn_id"),
    **_keys("conversation"),
    **_environments("environment"),
    "cost_source": Parameter(_choice(COST_SOURCES), "Where the cost comes from."),
    **_flags("incomplete"),
    **_span_of("started_at"),
}
USAGE: Final[Parameters] = {**PAGES, **BARE, **_ordering(usage_reading.ORDERINGS), **_USAGE}
USAGE_SUMMARY: Final[Parameters] = {
    "group_by": Parameter(_choice(usage_reading.GROUPS), "`model` unless given."),
    **_USAGE,
}
SPANS: Final[Parameters] = {
    **PAGES,
    **_ordering(spans.ORDERINGS),
    **_exact("kind", "name", "conversation_id", "trace_id", "span_id", "parent_span_id"),
    "status": Parameter(_choice(SPAN_STATUSES), "Of this status."),
    **_keys("conversation"),
    **_environments("environment"),
    **_span_of("started_at"),
}

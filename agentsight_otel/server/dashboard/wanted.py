"""The list's filters: the REST contract's query parameters, read from the address, shown as chips."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from agentsight_otel.enums import Sentiment
from agentsight_otel.server.analytics.scope import micros
from agentsight_otel.server.api.http import ApiError
from agentsight_otel.server.api.metadata_filter import metadata_filter
from agentsight_otel.server.clock import parse_time
from agentsight_otel.server.dashboard import present
from agentsight_otel.server.dashboard.view import View
from agentsight_otel.server.store.filters import ConversationFilter

TEXTS: Final = {
    "search": ("search", "Search"),
    "message_contains": ("message_contains", "Message has"),
    "name": ("name_contains", "Name has"),
    "conversation_id": ("conversation_id", "Conversation id"),
    "customer_id": ("customer_id", "Customer"),
    "customer_id__icontains": ("customer_id_contains", "Customer has"),
    "customer_ip_address": ("customer_ip_address", "Address"),
    "device": ("device", "Device"),
    "source": ("source", "Source"),
    "language": ("language", "Language"),
    "action_name": ("action_name", "Action"),
    "button_event": ("button_event", "Button"),
}
FLAGS: Final = {
    "is_marked": ("is_marked", "Marked", "marked", "not marked"),
    "has_messages": ("has_messages", "Messages", "with messages", "without messages"),
    "has_action": ("has_action", "Actions", "with actions", "without actions"),
    "has_feedback": ("has_feedback", "Rated", "with feedback", "without feedback"),
    "include_tickets": ("has_ticket", "Tickets", "with tickets", ""),
    "include_deleted": ("include_deleted", "Deleted", "deleted too", ""),
}
CHOICES: Final = {
    "feedback_sentiment": ("Feedback", tuple(Sentiment)),
    "feedback_source": ("Feedback by", ("customer", "platform")),
}
TIMES: Final = {
    "started_at_after": ("started_after", "Started after"),
    "started_at_before": ("started_before", "Started before"),
}
NAMES: Final = (
    *TEXTS,
    *FLAGS,
    *CHOICES,
    *TIMES,
    "metadata",
    "metadata_key",
    "metadata_value",
    "from",
    "to",
    "range",
)
"""Every parameter that narrows the list."""


class Chip(NamedTuple):
    """One filter in words, and the address of the list without it."""

    text: str
    without: str


AddChip = Callable[..., None]
"""Adds a chip: its text, and the parameters that it stands for."""


class Wanted(NamedTuple):
    """What the list is asked for: the filter and its chips."""

    filter: ConversationFilter
    chips: list[Chip]


def read(view: View) -> Wanted:
    """Read the filters of an address; what makes no sense is left out, and has no chip."""
    found = ConversationFilter(environment_id=view.environment.id)
    chips: list[Chip] = []
    query = view.params

    def chip(text: str, *names: str) -> None:
        chips.append(Chip(text, view.here(**dict.fromkeys((*names, "after"), None))))

    for name, (field, label) in TEXTS.items():
        if query.get(name):
            setattr(found, field, query[name])
            chip(f"{label}: {query[name]}", name)
    for name, (field, _, yes, no) in FLAGS.items():
        value = {"true": True, "1": True, "false": False, "0": False}.get(query.get(name, "").lower())
        label = yes if value else no
        if value is not None and label:
            setattr(found, field, value)
            chip(label, name)
    for name, (label, allowed) in CHOICES.items():
        if query.get(name) in allowed:
            setattr(found, name, query[name])
            chip(f"{label}: {query[name]}", name)
    _times(query, found, chip)
    _metadata(query, found, chip)
    _days(view, found, chip)
    return Wanted(found, chips)


def _times(query: Mapping[str, str], found: ConversationFilter, chip: AddChip) -> None:
    for name, (field, label) in TIMES.items():
        try:
            value = parse_time(query.get(name, ""))
        except ValueError:
            continue
        setattr(found, field, value)
        chip(f"{label} {query[name]}", name)


def _metadata(query: Mapping[str, str], found: ConversationFilter, chip: AddChip) -> None:
    try:
        found.metadata = metadata_filter(query)
    except ApiError:
        return
    if query.get("metadata"):
        chip(f"Metadata: {query['metadata']}", "metadata")
    if query.get("metadata_key"):
        text = f"Metadata: {query['metadata_key']} = {query.get('metadata_value', '')}"
        chip(text, "metadata_key", "metadata_value")


def _days(view: View, found: ConversationFilter, chip: AddChip) -> None:
    if not any(view.params.get(name) for name in ("from", "to", "range")):
        return
    period = view.period
    start, end = micros(period.start), micros(period.end) - 1
    found.started_after = max(start, found.started_after or start)
    found.started_before = min(end, found.started_before or end)
    text = present.day(period.first) if period.first == period.last else view.days
    chip(f"Started {text}", "from", "to", "range")

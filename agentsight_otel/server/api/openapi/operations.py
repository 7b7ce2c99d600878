"""What each route takes and answers, beside what the route table says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from agentsight_otel.server.api.openapi import answers as a
from agentsight_otel.server.api.openapi import answers_more as m
from agentsight_otel.server.api.openapi import bodies as b
from agentsight_otel.server.api.openapi import parameters as p


def _listed(row: Any) -> Any:
    """Return the type of a list: a page, or a bare list for ``paginate=false``."""
    return list[row] | a.Page[row]


class Operation(NamedTuple):
    """One route.

    Attributes:
        answer: Type of the body of a success; None for none, bytes for a file.
        query: Its parameters.
        body: Type of the request's body.
        statuses: Those of a success.
    """

    answer: Any
    query: Mapping[str, p.Parameter] = {}
    body: Any = None
    statuses: tuple[int, ...] = (200,)


_MADE: Final = (201,)
_MADE_OR_KNOWN: Final = (201, 200)
_C: Final = "/api/conversations/{pk}/"

OPERATIONS: Final[Mapping[tuple[str, str], Operation]] = {
    ("GET", "/openapi.json"): Operation(a.Object),
    ("GET", "/api/me/"): Operation(a.Me),
    ("GET", "/api/environments/"): Operation(list[a.Environment]),
    ("POST", "/api/ingest/"): Operation(a.Accepted, {}, b.Payload, _MADE),
    ("GET", "/api/conversations/"): Operation(_listed(a.Conversation), p.CONVERSATIONS),
    ("POST", "/api/conversations/"): Operation(m.Opened, {}, b.NewConversation, _MADE_OR_KNOWN),
    ("GET", "/api/conversations/lookup/"): Operation(a.Ref, p.CONVERSATION_ID),
    ("GET", "/api/conversations/metadata-keys/"): Operation(m.Keys),
    ("GET", "/api/conversations/metadata-values/"): Operation(m.Values, p.METADATA_KEY),
    ("GET", "/api/conversations/message-metadata-keys/"): Operation(m.Keys),
    ("GET", _C): Operation(a.ConversationDetail),
    ("DELETE", _C): Operation(m.Deleted),
    ("DELETE", _C + "delete/"): Operation(m.Deleted),
    ("POST", _C + "undelete/"): Operation(m.Deleted),
    ("DELETE", _C + "purge/"): Operation(None, statuses=(204,)),
    ("POST", _C + "mark/"): Operation(m.Marked, {}, b.Mark),
    ("PATCH", _C + "rename/"): Operation(m.Renamed, {}, b.Name),
    ("PATCH", _C + "update/"): Operation(m.Updated, {}, b.Update),
    ("PATCH", _C + "metadata/"): Operation(m.Updated, {}, b.MetadataChange),
    ("GET", _C + "attachments/"): Operation(m.ConversationFiles),
    ("POST", "/api/attachments/"): Operation(m.Uploaded, {}, b.Upload, _MADE_OR_KNOWN),
    ("GET", "/api/files/{pk}/"): Operation(bytes, p.SIGNED),
    ("POST", "/api/track/"): Operation(m.RecordedMessage, {}, b.TrackedMessage, _MADE_OR_KNOWN),
    ("GET", "/api/track/{pk}/"): Operation(a.Message),
    ("PATCH", "/api/track/{pk}/"): Operation(a.Message, {}, b.MessageMetadata),
    ("POST", "/api/action_logs/"): Operation(m.RecordedAction, {}, b.TrackedAction, _MADE_OR_KNOWN),
    ("POST", "/api/buttons/"): Operation(m.RecordedButton, {}, b.TrackedButton, _MADE_OR_KNOWN),
    ("GET", "/api/buttons/"): Operation(_listed(a.Click), p.BUTTONS),
    ("GET", "/api/buttons/stats/"): Operation(list[a.ButtonCount], p.EVENT),
    ("POST", "/api/conversation-feedbacks/"): Operation(a.LegacyFeedback, {}, b.ConversationFeedback, _MADE),
    ("GET", "/api/feedbacks/"): Operation(list[a.FeedbackDetail] | a.FeedbackPage, p.FEEDBACKS),
    ("POST", "/api/feedbacks/"): Operation(a.FeedbackDetail, {}, b.NewFeedback, _MADE_OR_KNOWN),
    ("GET", "/api/feedbacks/{pk}/"): Operation(a.FeedbackDetail),
    ("PATCH", "/api/feedbacks/{pk}/"): Operation(a.FeedbackDetail, {}, b.FeedbackChange),
    ("DELETE", "/api/feedbacks/{pk}/"): Operation(None, statuses=(204,)),
    ("GET", "/api/tickets/"): Operation(_listed(a.Ticket), p.TICKETS),
    ("POST", "/api/tickets/"): Operation(a.Ticket, {}, b.NewTicket, _MADE),
    ("GET", "/api/tickets/{pk}/"): Operation(a.Ticket),
    ("PATCH", "/api/tickets/{pk}/"): Operation(a.Ticket, {}, b.TicketChange),
    ("DELETE", "/api/tickets/{pk}/"): Operation(None, statuses=(204,)),
    ("GET", "/api/tickets/{pk}/comments/"): Operation(_listed(a.Comment), p.COMMENTS),
    ("POST", "/api/tickets/{pk}/comments/"): Operation(a.Comment, {}, b.NewComment, _MADE),
    ("GET", "/api/actions/"): Operation(_listed(m.Action), p.ACTIONS),
    ("POST", "/api/actions/"): Operation(m.Action, {}, b.NewAction, _MADE),
    ("GET", "/api/actions/{pk}/"): Operation(m.Action),
    ("PATCH", "/api/actions/{pk}/"): Operation(m.Action, {}, b.ActionChange),
    ("GET", "/api/actions/{pk}/logs/"): Operation(list[a.ActionLog]),
    ("GET", "/api/token-usage/"): Operation(_listed(m.Usage), p.USAGE),
    ("GET", "/api/token-usage/summary/"): Operation(m.UsageSummary, p.USAGE_SUMMARY),
    ("GET", "/api/spans/"): Operation(a.Page[m.Span], p.SPANS),
    ("GET", "/api/spans/{pk}/"): Operation(m.Span, p.PAYLOAD),
    ("GET", "/api/traces/{trace_id}/"): Operation(m.Trace),
    ("GET", "/api/imports/schema/"): Operation(a.Object),
    ("GET", "/api/imports/limits/"): Operation(a.Object),
    ("GET", "/api/imports/example/"): Operation(a.Object),
    ("GET", "/api/imports/"): Operation(None, statuses=()),
    ("POST", "/api/imports/"): Operation(None, statuses=()),
    ("GET", "/api/imports/{pk}/"): Operation(None, statuses=()),
}

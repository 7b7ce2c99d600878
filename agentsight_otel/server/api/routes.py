"""Every REST route, as data: the application and the isolation tests are both made from it."""

from __future__ import annotations

from functools import cache

from agentsight_otel.server.api import (
    actions,
    attachments,
    conversations,
    feedbacks,
    imports,
    legacy,
    messages,
    spans,
    tickets,
    usage,
)
from agentsight_otel.server.api.body import MAX_UPLOAD
from agentsight_otel.server.api.http import Answer, Call, encode
from agentsight_otel.server.api.ingest import environments, ingest, me
from agentsight_otel.server.api.openapi.document import document
from agentsight_otel.server.api.routing import Route

_CONVERSATION = "/api/conversations/{pk:id}/"


def describe(call: Call) -> Answer:
    """Return this document. It holds nothing of anybody's and needs no key."""
    del call
    return Answer(_document(), headers={"Content-Type": "application/json"})


@cache
def _document() -> bytes:
    return encode(document(ROUTES))


ROUTES: tuple[Route, ...] = (
    Route("GET", "/openapi.json", describe, None),
    Route("GET", "/api/me/", me),
    Route("POST", "/api/ingest/", ingest, "write", refused_status=403),
    Route("GET", "/api/conversations/", conversations.list_conversations),
    Route("POST", "/api/conversations/", legacy.create_conversation, "write"),
    Route("GET", "/api/conversations/lookup/", conversations.lookup),
    Route("GET", "/api/conversations/metadata-keys/", conversations.metadata_keys),
    Route("GET", "/api/conversations/metadata-values/", conversations.metadata_values),
    Route("GET", "/api/conversations/message-metadata-keys/", conversations.message_metadata_keys),
    Route("GET", _CONVERSATION, conversations.get_conversation),
    Route("DELETE", _CONVERSATION, conversations.delete, "write"),
    Route("DELETE", _CONVERSATION + "delete/", conversations.delete, "write"),
    Route("POST", _CONVERSATION + "undelete/", conversations.undelete, "write"),
    Route("DELETE", _CONVERSATION + "purge/", conversations.purge, "write"),
    Route("POST", _CONVERSATION + "mark/", conversations.mark, "write"),
    Route("PATCH", _CONVERSATION + "rename/", conversations.rename, "write"),
    Route("PATCH", _CONVERSATION + "update/", conversations.update, "write"),
    Route("PATCH", _CONVERSATION + "metadata/", conversations.merge_metadata, "write"),
    Route("GET", _CONVERSATION + "attachments/", attachments.conversation_attachments),
    Route("POST", "/api/attachments/", attachments.upload, "write", max_body=MAX_UPLOAD),
    Route("GET", "/api/files/{pk:id}/", attachments.download, None),
    Route("GET", "/api/environments/", environments),
    Route("POST", "/api/track/", legacy.track, "write"),
    Route("GET", "/api/track/{pk:id}/", messages.get_message),
    Route("PATCH", "/api/track/{pk:id}/", messages.update_message, "write"),
    Route("POST", "/api/action_logs/", legacy.record_action, "write"),
    Route("POST", "/api/buttons/", legacy.record_button, "write"),
    Route("GET", "/api/buttons/", actions.list_buttons),
    Route("GET", "/api/buttons/stats/", actions.button_stats),
    Route("POST", "/api/conversation-feedbacks/", feedbacks.create_conversation_feedback, "write"),
    Route("GET", "/api/feedbacks/", feedbacks.list_feedbacks),
    Route("POST", "/api/feedbacks/", feedbacks.create_feedback, "write"),
    Route("GET", "/api/feedbacks/{pk:id}/", feedbacks.get_feedback),
    Route("PATCH", "/api/feedbacks/{pk:id}/", feedbacks.update_feedback, "write"),
    Route("DELETE", "/api/feedbacks/{pk:id}/", feedbacks.delete_feedback, "write"),
    Route("GET", "/api/tickets/", tickets.list_tickets),
    Route("POST", "/api/tickets/", tickets.create_ticket, "write"),
    Route("GET", "/api/tickets/{pk:id}/", tickets.get_ticket),
    Route("PATCH", "/api/tickets/{pk:id}/", tickets.update_ticket, "write"),
    Route("DELETE", "/api/tickets/{pk:id}/", tickets.delete_ticket, "write"),
    Route("GET", "/api/tickets/{pk:id}/comments/", tickets.list_comments),
    Route("POST", "/api/tickets/{pk:id}/comments/", tickets.create_comment, "write"),
    Route("GET", "/api/actions/", actions.list_actions),
    Route("POST", "/api/actions/", actions.create_action, "write"),
    Route("GET", "/api/actions/{pk:id}/", actions.get_action),
    Route("PATCH", "/api/actions/{pk:id}/", actions.update_action, "write"),
    Route("GET", "/api/actions/{pk:id}/logs/", actions.action_runs),
    Route("GET", "/api/token-usage/", usage.list_usage),
    Route("GET", "/api/token-usage/summary/", usage.usage_summary),
    Route("GET", "/api/spans/", spans.list_spans),
    Route("GET", "/api/spans/{pk:id}/", spans.get_span),
    Route("GET", "/api/traces/{trace_id}/", spans.get_trace),
    Route("GET", "/api/imports/schema/", imports.schema),
    Route("GET", "/api/imports/limits/", imports.limits),
    Route("GET", "/api/imports/example/", imports.example),
    Route("GET", "/api/imports/", imports.refused),
    Route("POST", "/api/imports/", imports.refused),
    Route("GET", "/api/imports/{pk:id}/", imports.refused),
)

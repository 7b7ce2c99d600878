"""Every REST route, as data: the application and the isolation tests are both made from it."""

from __future__ import annotations

from agentsight_otel.server.api import attachments, conversations, legacy
from agentsight_otel.server.api.body import MAX_UPLOAD
from agentsight_otel.server.api.ingest import ingest, me
from agentsight_otel.server.api.routing import Route

_CONVERSATION = "/api/conversations/{pk:int}/"

ROUTES: tuple[Route, ...] = (
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
    Route("GET", _CONVERSATION + "attachments/", attachments.conversation_attachments),
    Route("POST", "/api/attachments/", attachments.upload, "write", max_body=MAX_UPLOAD),
    Route("GET", "/api/files/{pk:int}/", attachments.download, None),
    Route("POST", "/api/track/", legacy.track, "write"),
    Route("POST", "/api/action_logs/", legacy.record_action, "write"),
    Route("POST", "/api/buttons/", legacy.record_button, "write"),
)

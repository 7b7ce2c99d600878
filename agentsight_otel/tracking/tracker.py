"""Tracker: the conversation tracker of the AgentSight SDK 0.0.44, on timelines."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO, Final

from agentsight_otel.config import LEGACY_SETTINGS, Config
from agentsight_otel.enums import AttachmentMode, Sender
from agentsight_otel.exceptions import NoApiKeyException, NoDataToSendException
from agentsight_otel.helpers import generate_conversation_id
from agentsight_otel.tracking import recording, report, sending
from agentsight_otel.tracking import validation as valid
from agentsight_otel.tracking.actions import TrackedAction
from agentsight_otel.tracking.active import Active
from agentsight_otel.tracking.items import Item, weight
from agentsight_otel.tracking.outbox import Connect, Outbox
from agentsight_otel.tracking.timeline import Timeline
from agentsight_otel.tracking.tracers import TracerGetter

Attachment = Mapping[str, Any] | str | os.PathLike[str] | BinaryIO

_UNSET: Final[Any] = object()


class Tracker:
    """Tracks conversations in memory, and sends them when asked.

    Every ``track_*`` call stamps the time and returns; several threads and asyncio tasks can each track
    conversations of their own with the same tracker.
    """

    def __init__(
        self,
        config: Config,
        connect: Connect,
        tracer: TracerGetter,
        heard: Callable[[], bool] = lambda: True,
    ) -> None:
        """Create a tracker; nothing is opened and no key is needed.

        Args:
            config: Settings; its ``conversation_id`` is the process-wide default.
            connect: Makes the sink for a config, on first use.
            tracer: Gives the OpenTelemetry tracer that tracked spans are also started on, or None.
            heard: Says whether anybody sees the spans started there.
        """
        self.config = config
        self._outbox = Outbox(config, connect, tracer, heard)
        self._active = Active(self._outbox.timelines)
        if config.conversation_id:
            self._active.set_default(valid.conversation_id(config.conversation_id))

    def configure(
        self,
        api_key: str | None = _UNSET,
        conversation_id: str | None = _UNSET,
        endpoint: str | None = _UNSET,
        log_level: Any = _UNSET,
        **settings: Any,
    ) -> None:
        """Change settings; what is not given stays, and a refused value changes nothing.

        Args:
            api_key: New API key.
            conversation_id: Conversation to switch to; None changes nothing.
            endpoint: New base URL.
            log_level: Accepted for code written for 0.0.44; logging is the application's.
            **settings: Any other setting of `Config`.

        Raises:
            NoApiKeyException: *api_key* is None.
            InvalidApiKeyException: *api_key* is malformed.
            MissingConversationIdException: *conversation_id* is blank.
            ConfigurationException: Another value cannot be used.
        """
        if api_key is None:
            raise NoApiKeyException("api_key cannot be None", field="api_key")
        given = {
            "api_key": api_key,
            "conversation_id": conversation_id,
            "endpoint": endpoint,
            "log_level": log_level,
        }
        changes = {
            name: value
            for name, value in (given | settings).items()
            if value is not _UNSET and value is not None and name not in LEGACY_SETTINGS
        }
        if "conversation_id" in changes:
            changes["conversation_id"] = valid.conversation_id(changes["conversation_id"])
        self.use(self.config.replace(**changes))
        if "conversation_id" in changes:
            self._active.name(changes["conversation_id"])

    def use(self, config: Config) -> None:
        """Take settings as a whole, in place of those in force."""
        self._outbox.reconfigure(config)
        self.config = config

    def track_human_message(
        self,
        message: str,
        attachments: Sequence[Attachment] | None = None,
        attachment_mode: str | AttachmentMode = "base64",
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Track what the user said.

        Args:
            message: The text; any length, not blank.
            attachments: At most 10 files, 25 MB each; see `track_attachments`.
            attachment_mode: ``base64`` or ``form_data``.
            metadata: Anything; a snapshot is taken now.

        Raises:
            InvalidQuestionDataException: The text is missing or blank.
            InvalidAttachmentException: An attachment is malformed, unreadable or too large.
            InvalidConversationDataException: *metadata* is not a dict.
        """
        self._record(recording.human_message(message, attachments, attachment_mode, metadata))

    def track_agent_message(
        self,
        message: str,
        attachments: Sequence[Attachment] | None = None,
        attachment_mode: str | AttachmentMode = "base64",
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Track what the agent said; like `track_human_message`.

        Raises:
            InvalidAnswerDataException: The text is missing or blank.
            InvalidAttachmentException: An attachment is malformed, unreadable or too large.
            InvalidConversationDataException: *metadata* is not a dict.
        """
        self._record(recording.agent_message(message, attachments, attachment_mode, metadata))

    def track_attachments(
        self,
        attachments: Sequence[Attachment],
        sender: str | Sender | None = None,
        metadata: Mapping[str, Any] | None = None,
        mode: str | AttachmentMode = "base64",
    ) -> None:
        """Track files that belong to no message; they are read now.

        Args:
            attachments: 1 to 10, 25 MB each. A dict with ``filename``, ``mime_type`` and ``data`` as base64
                text; or with ``data`` as bytes or an open binary file, the rest optional; or a path.
            sender: Who sent them; the user by default.
            metadata: Anything; a snapshot is taken now.
            mode: ``base64`` or ``form_data``.

        Raises:
            InvalidAttachmentException: One is malformed, unreadable or too large.
            InvalidAttachmentModeException: *mode* is unknown.
            InvalidChoiceException: *sender* is unknown.
            InvalidConversationDataException: *metadata* is not a dict.
        """
        self._record(recording.attachments(attachments, sender, metadata, mode))

    def track_action(
        self,
        action_name: str,
        started_at: Any = None,
        ended_at: Any = None,
        duration_ms: float | str | None = None,
        tools_used: Any = None,
        response: Any = None,
        error_msg: Any = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> TrackedAction:
        """Track an action: a tool call, a query, an API call.

        The call is complete by itself. ``with tracker.track_action("search") as action:`` measures the block
        instead, takes ``action.response`` and ``action.metadata``, and marks an exception as the error.

        Args:
            action_name: Not blank.
            started_at: A datetime, ISO 8601 text, or seconds since 1970; UTC unless it says otherwise.
            ended_at: Like *started_at*, and not before it.
            duration_ms: Milliseconds, at most a year.
            tools_used: Arguments or tools; anything.
            response: What it gave; text, or anything, as JSON.
            error_msg: What went wrong.
            metadata: Anything; a snapshot is taken now.

        Raises:
            InvalidConversationDataException: A value is blank, cannot be read, or is no dict.
        """
        item = recording.action(
            action_name, started_at, ended_at, duration_ms, tools_used, response, error_msg, metadata
        )
        return TrackedAction(item, self._record(item).keep, dict(metadata or {}))

    def track_button(
        self, button_event: str, label: str, value: str, metadata: Mapping[str, Any] | None = None
    ) -> None:
        """Track a click on a button.

        Raises:
            InvalidConversationDataException: A text is blank, or *metadata* is not a dict.
        """
        self._record(recording.button(button_event, label, value, metadata))

    def track_token_usage(
        self,
        prompt_tokens: int = 0,
        completion_tokens: int = 0,
        total_tokens: int = 0,
        embedding_tokens: int = 0,
        *,
        model: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Add to the conversation's token counters, which start again when it is sent.

        Args:
            prompt_tokens: Tokens of the prompt.
            completion_tokens: Tokens of the completion.
            total_tokens: The sum of the others unless given.
            embedding_tokens: Tokens embedded.
            model: The model that was called, for the costs.
            metadata: Anything; a snapshot is taken now.

        Raises:
            InvalidConversationDataException: A count is not an integer of at least 0, *model* is blank, or
                *metadata* is not a dict.
        """
        self._record(
            recording.tokens(
                prompt_tokens, completion_tokens, total_tokens, embedding_tokens, model, metadata
            )
        )

    def get_or_create_conversation(
        self,
        conversation_id: str,
        customer_id: str | None = None,
        customer_ip_address: str | None = None,
        device: str | None = None,
        source: str | None = None,
        language: str | None = None,
        name: str | None = None,
        environment: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Switch to a conversation and say what is known of it; sent with the rest.

        Args:
            conversation_id: At most 255 characters.
            customer_id: At most 255 characters.
            customer_ip_address: An IPv4 or IPv6 address.
            device: At most 255 characters.
            source: At most 255 characters.
            language: At most 255 characters.
            name: At most 255 characters.
            environment: Environment slug; the configured one by default.
            metadata: Anything; replaces the stored document.

        Raises:
            MissingConversationIdException: *conversation_id* is missing or blank.
            InvalidConversationDataException: Another field is too long or malformed.
        """
        checked_id = valid.conversation_id(conversation_id)
        item = recording.opened(
            {
                "customer_id": customer_id,
                "customer_ip_address": customer_ip_address,
                "device": device,
                "source": source,
                "language": language,
                "name": name,
                "environment": environment,
                "metadata": metadata,
            },
            self.config.environment,
        )
        self._active.name(checked_id).fields.update(item.fields)
        self._record(item)

    def initialize_conversation(
        self,
        conversation_id: str,
        customer_id: str | None = None,
        customer_ip_address: str | None = None,
        device: str | None = None,
        source: str | None = None,
        language: str | None = None,
        name: str | None = None,
        environment: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Tell the backend at once that a conversation was opened, for example that a chat window is shown.

        The active conversation stays what it is. Arguments as in `get_or_create_conversation`.

        Raises:
            MissingConversationIdException: *conversation_id* is missing or blank.
            InvalidConversationDataException: Another field is too long or malformed.
            NoApiKeyException: No key is configured.
            ConversationApiException: The backend refused it.
            ConversationNetworkException: The backend did not answer; it stays queued and is tried again.
        """
        checked_id = valid.conversation_id(conversation_id)
        item = recording.opened(
            {
                "customer_id": customer_id,
                "customer_ip_address": customer_ip_address,
                "device": device,
                "source": source,
                "language": language,
                "name": name,
                "environment": environment,
                "metadata": metadata,
            },
            self.config.environment,
        )
        batch = self._outbox.submit_alone(checked_id, item)
        sending.confirm(batch, self.config.send_timeout)

    def get_token_usage(self) -> dict[str, int]:
        """Return the unsent token counts of the active conversation; empty if none was ever tracked."""
        _, timeline = self._active.existing()
        if timeline is None:
            return {}
        return report.token_usage(tuple(timeline.items), counted_before=timeline.counted_tokens)

    def get_tracked_data_summary(self) -> dict[str, Any]:
        """Return what is tracked and unsent in the active conversation.

        Returns:
            ``items`` (``type``, ``timestamp``, ``data``, ``index``, ``preview``), ``summary`` (counts by type
            and ``total``) and ``conversation_id``. Token counts are in `get_token_usage`.
        """
        conversation_id, timeline = self._active.existing()
        items = timeline.stamped() if timeline is not None else []
        return report.tracked_summary(conversation_id, items)

    def send_tracked_data(self) -> dict[str, Any]:
        """Send what is tracked for the active conversation, in one request, and wait for the answer.

        If the backend fails, nothing is lost: it stays queued, and the next send reports it again. Items
        tracked before any name go under a generated id, which becomes the active one.

        Returns:
            ``items`` (``index``, ``type``, ``timestamp``, ``success``, and ``response`` or ``error``),
            ``summary`` (``questions``, ``answers``, ``attachments``, ``actions``, ``buttons``, ``errors``),
            ``conversation_id``, ``delivered`` (whether all of it is), ``queued`` (how many items wait).

        Raises:
            NoApiKeyException: No key is configured; everything stays tracked.
            NoDataToSendException: Nothing is tracked and nothing waits.
        """
        conversation_id, timeline = self._to_send()
        return sending.send(self._outbox, timeline, conversation_id, self.config.send_timeout)

    async def send_tracked_data_async(self) -> dict[str, Any]:
        """Like `send_tracked_data`, without ever blocking the event loop."""
        # Whoever calls this has imported asyncio already; importing the package must not.
        from agentsight_otel.tracking.sending_async import send_async  # noqa: PLC0415 - see above

        conversation_id, timeline = self._to_send()
        return await send_async(self._outbox, timeline, conversation_id, self.config.send_timeout)

    def submit_unsent(self) -> int:
        """Submit what is unsent in every conversation without waiting; return how many there were.

        For the end of the process. Does nothing without a key.
        """
        return self._outbox.hand_over() if self.config.has_usable_key else 0

    def recover_unsent(self) -> None:
        """Submit what dead processes tracked for this destination and never sent.

        Happens by itself at the first tracked item.

        Raises:
            NoApiKeyException: No key is configured.
        """
        self._outbox.sink()

    def _record(self, item: Item) -> Timeline:
        if self._outbox.must_connect:
            self._outbox.sink()
        timeline = self._active.timeline()
        timeline.add(item, weight(item))
        return timeline

    def _to_send(self) -> tuple[str, Timeline]:
        conversation_id, timeline = self._active.existing()
        if timeline is None:
            raise NoDataToSendException
        if conversation_id is None:
            conversation_id = timeline.conversation_id or generate_conversation_id()
            timeline = self._active.name(conversation_id).timeline or timeline
        return conversation_id, timeline

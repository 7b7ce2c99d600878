"""Ingest payloads as typed objects, and a block of code whose payloads are collected instead of sent."""

from __future__ import annotations

import base64
import contextlib
import secrets
from collections.abc import Container, Iterator
from datetime import datetime
from typing import Any

import msgspec

from agentsight_otel import semconv, session
from agentsight_otel.encoding import Quiet, decode_json
from agentsight_otel.enums import Durability
from agentsight_otel.exceptions import ConfigurationException
from agentsight_otel.exporters.registry import REGISTRY
from agentsight_otel.pipeline.redirecting import redirected
from agentsight_otel.server.inprocess import InProcess

FLUSH_TIMEOUT = 30.0
"""Seconds that looking at what was sent waits for what is being sent."""


class SentEvent(Quiet, msgspec.Struct):
    """An event of a span: a message, or an exception."""

    name: str
    timestamp: datetime
    attributes: dict[str, Any] = {}


class SentSpan(Quiet, msgspec.Struct):
    """A span as it is sent; ``kind`` is ``turn``, ``tool``, ``llm``, ``button`` or another."""

    span_id: str
    trace_id: str
    started_at: datetime
    ended_at: datetime
    parent_span_id: str | None = None
    kind: str = "unknown"
    name: str = ""
    duration_ms: float | None = None
    status: str = "unset"
    attributes: dict[str, Any] = {}
    events: list[SentEvent] = []


class SentMessage(Quiet, msgspec.Struct):
    """A message; ``sender`` is ``end_user`` or ``agent``."""

    sender: str
    content: str
    timestamp: datetime
    metadata: dict[str, Any] | None = None


class SentConversation(Quiet, msgspec.Struct):
    """One conversation of a payload; None where nothing was said about it."""

    conversation_id: str
    customer_id: str | None = None
    customer_ip_address: str | None = None
    device: str | None = None
    source: str | None = None
    language: str | None = None
    name: str | None = None
    environment: str | None = None
    metadata: dict[str, Any] | None = None
    spans: list[SentSpan] = []

    @property
    def messages(self) -> list[SentMessage]:
        """What was said, in order of time."""
        said = [_message(e) for span in self.spans for e in span.events if e.name == semconv.MESSAGE_EVENT]
        return sorted(said, key=lambda message: message.timestamp)

    @property
    def actions(self) -> list[SentSpan]:
        """The spans of actions, in order of time."""
        ran = [span for span in self.spans if span.kind in {"tool", "task"}]
        return sorted(ran, key=lambda span: span.started_at)


class SentPayload(Quiet, msgspec.Struct):
    """The body of one ingest request."""

    conversations: list[SentConversation]
    sdk: dict[str, Any] = {}


class SentFile(Quiet, msgspec.Struct):
    """One uploaded file."""

    filename: str
    mime_type: str
    data: bytes
    sender: str


class Captured:
    """What a block of code sent; looking waits for what is on its way."""

    def __init__(self, process: InProcess, left_out: Container[str]) -> None:
        self._process = process
        self._left_out = left_out
        self._open = True

    @property
    def payloads(self) -> list[SentPayload]:
        """Every payload, in the order they were sent."""
        self.settle()
        return [msgspec.json.decode(body, type=SentPayload) for body in self._process.payloads]

    @property
    def files(self) -> list[SentFile]:
        """Every uploaded file, in the order they were sent."""
        self.settle()
        documents = [decode_json(body) for body in self._process.uploads]
        return [
            SentFile(file["filename"], file["mime_type"], base64.b64decode(file["data"]), document["sender"])
            for document in documents
            for file in document["attachments"]
        ]

    def conversation(self, conversation_id: str) -> SentConversation:
        """Return a conversation, put together from every payload it is in; later fields win.

        Raises:
            KeyError: Nothing was sent about it.
        """
        parts = [
            part
            for payload in self.payloads
            for part in payload.conversations
            if part.conversation_id == conversation_id
        ]
        if not parts:
            raise KeyError(conversation_id)
        whole = SentConversation(conversation_id, spans=[span for part in parts for span in part.spans])
        for part in parts:
            for field in SentConversation.__struct_fields__[1:-1]:
                if getattr(part, field) is not None:
                    setattr(whole, field, getattr(part, field))
        return whole

    def settle(self) -> None:
        """Wait until what was submitted is sent; nothing after the block."""
        if self._open:
            for (_, key), delivery in REGISTRY.opened().items():
                if key not in self._left_out:
                    delivery.flush(FLUSH_TIMEOUT)

    def end(self) -> None:
        """Take nothing more."""
        self.settle()
        self._open = False


_INSIDE: set[str] = set()
"""Keys that only captured blocks delivered with."""


@contextlib.contextmanager
def capture_payloads() -> Iterator[Captured]:
    """Collect what a block of code would send, without a key, a network or a file.

    ::

        with capture_payloads() as captured:
            answer_a_question()
        assert captured.conversation("chat-1").messages[0].content == "Hello"

    While the block lasts every request of this package in this process is answered by a server in memory, to
    which trackers, the live API and exporters deliver and from which the clients read. At the end the
    settings are as before. What is tracked and never sent is not there, and what waited before the block for
    a real destination goes on waiting. A client of your own, and a tracker that you make inside the block,
    need a key, which may be any that nothing was delivered with outside.

    Raises:
        ConfigurationException: Another block is captured already.
    """
    if session.is_answered():
        raise ConfigurationException("payloads are being captured already", field="capture_payloads")
    process = InProcess()
    key = f"ags_{secrets.token_hex(16)}_{secrets.token_hex(3)}"
    real = {key for _, key in REGISTRY.opened()} - _INSIDE
    session.answer_with(process.answer, left_out=real)
    captured = Captured(process, real)
    try:
        with redirected(api_key=key, durability=Durability.MEMORY, deliver=True):
            try:
                yield captured
            finally:
                captured.end()
    finally:
        session.answer_with(None)
        process.close()
        _INSIDE.update(key for _, key in REGISTRY.opened() if key not in real)


def _message(event: SentEvent) -> SentMessage:
    attributes = event.attributes
    metadata = attributes.get(semconv.MESSAGE_METADATA)
    return SentMessage(
        attributes[semconv.MESSAGE_SENDER],
        attributes[semconv.MESSAGE_CONTENT],
        event.timestamp,
        decode_json(metadata.encode()) if isinstance(metadata, str) else None,
    )

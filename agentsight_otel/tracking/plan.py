"""Timeline items become spans: turns with their messages as events, everything else as their children.

Pure: the same items always give the same spans, ids and times included.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from agentsight_otel import semconv
from agentsight_otel._version import __version__
from agentsight_otel.encoding import decode_json
from agentsight_otel.enums import Sender
from agentsight_otel.tracking import ids, shapes
from agentsight_otel.tracking.items import Action, Button, File, Files, Item, Message, Opened, Tokens
from agentsight_otel.tracking.validation import iso
from agentsight_otel.translation.block import Upload
from agentsight_otel.translation.span_data import EventData, ScopeData, SpanData

MAX_MESSAGES_PER_TURN = 100
"""Below the 128 events after which an OpenTelemetry SDK drops the oldest."""

SCOPE = ScopeData("agentsight_otel", __version__)

Stamped = tuple[int, Item]


class Ambient(NamedTuple):
    """The sampled span inside which the conversation is sent: our spans join its trace."""

    trace_id: str
    span_id: str


class Plan(NamedTuple):
    """What a delivery takes."""

    spans: list[SpanData]
    uploads: list[Upload]


class Planner:
    """Plans the spans of one conversation.

    Args:
        conversation_id: The conversation.
        fields: What is known of it.
        ambient: The span to join, or None for the conversation's own trace.
        resource: Attributes of the OpenTelemetry resource.
        max_messages: Messages in one turn span; a longer turn goes on in a further span.
    """

    def __init__(
        self,
        conversation_id: str,
        fields: Mapping[str, str],
        *,
        ambient: Ambient | None = None,
        resource: Mapping[str, Any] | None = None,
        max_messages: int = MAX_MESSAGES_PER_TURN,
    ) -> None:
        self._conversation_id = conversation_id
        self._identity = shapes.identity(conversation_id, fields)
        self._trace_id = ambient.trace_id if ambient else ids.conversation_trace_id(conversation_id)
        self._root_parent = ambient.span_id if ambient else None
        self._resource = dict(resource or {})
        self._max_messages = max_messages

    def plan(self, items: Sequence[Stamped]) -> Plan:
        """Return the spans and the uploads of *items*."""
        return Plan(list(self.spans(items)), self.uploads(items))

    def spans(self, items: Iterable[Stamped]) -> Iterator[SpanData]:
        """Yield the spans of *items*, in their order."""
        for group in self._groups(items):
            yield from self._turn(group) if _is_turn(group) else self._loose(group)

    def uploads(self, items: Iterable[Stamped]) -> list[Upload]:
        """Return the attachments' bytes."""
        return [upload for stamp, item in items for upload in self._uploads(stamp, item)]

    def _groups(self, items: Iterable[Stamped]) -> Iterator[list[Stamped]]:
        group: list[Stamped] = []
        messages = 0
        for stamp, item in items:
            if isinstance(item, Message):
                if group and (item.sender == Sender.USER or messages == self._max_messages):
                    yield group
                    group, messages = [], 0
                messages += 1
            group.append((stamp, item))
        if group:
            yield group

    def _turn(self, group: list[Stamped]) -> Iterator[SpanData]:
        first_stamp, first = next(pair for pair in group if not isinstance(pair[1], Opened))
        turn_id = ids.span_id(first.seed, "turn")
        events = tuple(
            EventData(
                semconv.MESSAGE_EVENT,
                stamp * 1000,
                shapes.message_event(item.sender, item.content, item.metadata),
            )
            for stamp, item in group
            if isinstance(item, Message)
        )
        texts = [(item.sender, item.content) for _, item in group if isinstance(item, Message)]
        yield self._span(
            turn_id,
            shapes.TURN_SPAN_NAME,
            first_stamp,
            max(_end(stamp, item) for stamp, item in group),
            shapes.turn(shapes.TURN_SPAN_NAME, turn_id)
            | {semconv.TURN_COMPLETE: True}
            | shapes.turn_messages(texts),
            events=events,
            status="ok",
        )
        for stamp, item in group:
            yield from self._children(stamp, item, turn_id)

    def _loose(self, group: list[Stamped]) -> Iterator[SpanData]:
        for stamp, item in group:
            yield from self._children(stamp, item, None)

    def _children(self, stamp: int, item: Item, turn_id: str | None) -> Iterator[SpanData]:
        match item:
            case Action():
                yield self._action(stamp, item, turn_id)
            case Tokens():
                name = shapes.model_span_name(item)
                yield self._child(item, "model", name, stamp, shapes.model_call(item), turn_id, kind="client")
            case Button():
                yield self._child(item, "button", item.label, stamp, shapes.button(item), turn_id)
            case Message(files=files) | Files(files=files) if files:
                attributes = shapes.attachment(item.sender, item.mode, files, item.metadata)
                yield self._child(item, "files", "attachments", stamp, attributes, turn_id)
            case Opened():
                name = shapes.CONVERSATION_SPAN_NAME
                yield self._child(item, "opened", name, stamp, shapes.conversation(), None)

    def _action(self, stamp: int, item: Action, turn_id: str | None) -> SpanData:
        start, end = _action_times(stamp, item)
        attributes = shapes.tool(item.name) | shapes.tool_result(
            item.arguments, item.response, item.error, item.error_type, item.metadata
        )
        if item.duration_ms is not None and not item.measured:
            attributes[semconv.TOOL_DURATION_MS] = item.duration_ms
        if start != stamp:
            attributes[semconv.TIMESTAMP] = iso(stamp)
        return self._span(
            ids.span_id(item.seed, "action"),
            shapes.tool_span_name(item.name),
            start,
            end,
            self._in_turn(attributes, turn_id),
            parent=turn_id,
            status="ok" if item.error is None else "error",
            description=item.error or "",
        )

    def _child(
        self,
        item: Item,
        part: str,
        name: str,
        stamp: int,
        attributes: dict[str, Any],
        turn_id: str | None,
        *,
        kind: str = "internal",
    ) -> SpanData:
        return self._span(
            ids.span_id(item.seed, part),
            name,
            stamp,
            stamp,
            self._in_turn(attributes, turn_id),
            parent=turn_id,
            kind=kind,
        )

    def _in_turn(self, attributes: dict[str, Any], turn_id: str | None) -> dict[str, Any]:
        return attributes if turn_id is None else {**attributes, semconv.TURN_ID: turn_id}

    def _span(
        self,
        span_id: str,
        name: str,
        start_us: int,
        end_us: int,
        attributes: dict[str, Any],
        *,
        parent: str | None = None,
        kind: str = "internal",
        status: str = "unset",
        description: str = "",
        events: tuple[EventData, ...] = (),
    ) -> SpanData:
        return SpanData(
            self._trace_id,
            span_id,
            name,
            start_us * 1000,
            end_us * 1000,
            parent_span_id=parent or self._root_parent,
            kind=kind,
            status=status,
            status_description=description,
            attributes=self._identity | attributes,
            events=events,
            resource=self._resource,
            scope=SCOPE,
        )

    def _uploads(self, stamp: int, item: Item) -> Iterator[Upload]:
        if isinstance(item, Message | Files):
            files: tuple[File, ...] = item.files
            for index, file in enumerate(files):
                yield Upload(
                    ids.upload_key(item.seed, index),
                    self._conversation_id,
                    file.filename,
                    file.mime_type,
                    file.data,
                    stamp * 1000,
                    sender=item.sender,
                    # Files tracked by one call meet on one message, whichever is sent first.
                    on_message=isinstance(item, Message) or len(files) > 1,
                    metadata=decode_json(item.metadata) if item.metadata else {},
                )


def _is_turn(group: list[Stamped]) -> bool:
    return any(isinstance(item, Message | Action) for _, item in group)


def _end(stamp: int, item: Item) -> int:
    if isinstance(item, Action) and item.measured:
        return max(stamp, stamp + round((item.duration_ms or 0.0) * 1000))
    return stamp


def _action_times(stamp: int, item: Action) -> tuple[int, int]:
    duration = round((item.duration_ms or 0.0) * 1000)
    if item.started_us is not None:
        return item.started_us, item.started_us + duration if item.ended_us is None else item.ended_us
    if item.ended_us is not None:
        return max(0, item.ended_us - duration), item.ended_us
    return stamp, stamp + duration

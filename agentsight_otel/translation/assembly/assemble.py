"""From the traces that are ready to the blocks of their conversations."""

from __future__ import annotations

from collections import Counter

import msgspec

from agentsight_otel import semconv
from agentsight_otel.translation.assembly.attachments import Attachments
from agentsight_otel.translation.assembly.blocks import NO_CONVERSATION, NOT_GENAI, BlockBuilder
from agentsight_otel.translation.assembly.feedback import feedback_spans
from agentsight_otel.translation.assembly.gather import Ready
from agentsight_otel.translation.assembly.logs import LOG_ONLY
from agentsight_otel.translation.assembly.members import member_spans
from agentsight_otel.translation.assembly.memory import Memory
from agentsight_otel.translation.assembly.profile import describe
from agentsight_otel.translation.assembly.render import Renderer
from agentsight_otel.translation.assembly.trees import Node, order, tops
from agentsight_otel.translation.assembly.turns import Turn, TurnBuilder
from agentsight_otel.translation.dialects.base import Kind
from agentsight_otel.translation.span_data import LogKey, SpanData

_OTHER = Kind.OTHER
CONTENT_NOT_CAPTURED = "content_not_captured"


def assemble(
    ready: Ready,
    memory: Memory,
    builder: BlockBuilder,
    notices: Counter[str],
    *,
    export_all: bool,
) -> None:
    """Add the conversations in the traces that are *ready* to *builder*."""
    for nodes in ready.silent:
        _leave_out(nodes, memory, builder, export_all=export_all)
    roots: dict[str, list[Node]] = {}
    holders: dict[str, list[Node]] = {}
    asides: dict[str, list[Node]] = {}
    for nodes in ready.speaking:
        found, above = tops(nodes)
        _sort_in(found, roots)
        _sort_in(above, holders)
        _sort_in([node for node in nodes if node.kind is _OTHER], asides)
        _take_context(nodes, memory, builder, export_all=export_all)
    for found in roots.values():
        found.sort(key=order)
    for conversation_id in sorted(roots, key=lambda name: roots[name][0].order):
        beside = holders.get(conversation_id, []), asides.get(conversation_id, [])
        _converse(conversation_id, roots[conversation_id], *beside, memory, builder, notices)
    for nodes in (*ready.speaking, *ready.silent):
        for node in nodes:
            node.below.clear()  # without cycles they are freed at once, not by the garbage collector


def _sort_in(nodes: list[Node], conversations: dict[str, list[Node]]) -> None:
    for node in nodes:
        conversations.setdefault(node.conversation, []).append(node)


def _converse(
    conversation_id: str,
    roots: list[Node],
    holders: list[Node],
    asides: list[Node],
    memory: Memory,
    builder: BlockBuilder,
    notices: Counter[str],
) -> None:
    remembered = memory.conversation(conversation_id)
    describe(remembered, [*holders, *roots], asides)
    turns = TurnBuilder(conversation_id, remembered)
    members = [root for root in roots if semconv.TURN_ID in root.span.attributes]
    turns.add_all([root for root in roots if root not in members] if members else roots)
    attachments = Attachments(conversation_id)
    renderer = Renderer(conversation_id, remembered, attachments)
    if turns.turns:
        turns.turns[0].others += holders
    if members:
        builder.add_spans(conversation_id, member_spans(members, renderer, remembered, memory))
    builder.add_spans(conversation_id, feedback_spans(conversation_id, roots))
    for turn in turns.turns:
        _say_if_silent(turn, notices)
        builder.add_spans(conversation_id, renderer.render(turn))
    for upload in attachments.uploads:
        builder.add_upload(conversation_id, upload)


def _say_if_silent(turn: Turn, notices: Counter[str]) -> None:
    if not turn.captured and turn.calls:
        notices[CONTENT_NOT_CAPTURED] += 1


def _take_context(nodes: list[Node], memory: Memory, builder: BlockBuilder, *, export_all: bool) -> None:
    """Name every span of a trace as a source; those of no agent's are exported only when asked."""
    left: list[str] = []
    named, sources = "", builder.sources(nodes[0].conversation)
    for node in nodes:
        span, kind = node.span, node.kind
        if node.conversation != named:
            named = node.conversation
            sources = builder.sources(named)
        if response := node.reading.response:
            memory.told.put(response, named)
        if LOG_ONLY in span.attributes:
            sources.append(_log_key(span))
            continue
        sources.append(span.key)
        left.append(span.span_id)
        if kind is _OTHER or (export_all and kind is None):
            builder.add_span(named, _plain_span(node, named))
    if left:
        memory.note_left(nodes[0].span.trace_id, left)


def _leave_out(nodes: list[Node], memory: Memory, builder: BlockBuilder, *, export_all: bool) -> None:
    reason = NO_CONVERSATION if any(node.matters for node in nodes) else NOT_GENAI
    for node in nodes:
        conversation = node.reading.conversation
        if export_all and node.reading.is_ours and conversation:
            builder.add_span(conversation, _plain_span(node, conversation))
            builder.sources(conversation).append(node.span.key)
            memory.note_left(node.span.trace_id, [node.span.span_id])
        else:
            is_log = LOG_ONLY in node.span.attributes
            builder.filter(_log_key(node.span) if is_log else node.span.key, reason)


def _log_key(stand_in: SpanData) -> LogKey:
    """Name the log records that a stand-in is made of: it is below the span they name."""
    return LogKey(stand_in.trace_id, stand_in.parent_span_id or "")


def _plain_span(node: Node, conversation_id: str) -> SpanData:
    kind = node.kind.value if node.kind is not None else "span"
    ours = {semconv.CONVERSATION_ID: conversation_id, semconv.SPAN_KIND: kind}
    return msgspec.structs.replace(node.span, attributes={**node.span.attributes, **ours})

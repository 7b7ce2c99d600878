"""Turns become wire spans: our attributes beside the originals, one span id for one thing for ever."""

from __future__ import annotations

from typing import Any

import msgspec

from agentsight_otel import semconv
from agentsight_otel.encoding import encode_json_str
from agentsight_otel.translation.assembly.attachments import Attachments
from agentsight_otel.translation.assembly.calls import Call
from agentsight_otel.translation.assembly.identity import SYNTHETIC_PREFIX
from agentsight_otel.translation.assembly.ids import span_id
from agentsight_otel.translation.assembly.memory import Conversation, KnownAction
from agentsight_otel.translation.assembly.originals import (
    REPEATED,
    TOOL_REPEATED,
    beside_originals,
    with_originals,
)
from agentsight_otel.translation.assembly.tools import ToolRun, result_text
from agentsight_otel.translation.assembly.trees import Node
from agentsight_otel.translation.assembly.turns import Said, Turn
from agentsight_otel.translation.dialects.base import Kind
from agentsight_otel.translation.span_data import EventData, SpanData

_MESSAGE_EVENTS = ("gen_ai.", "agentsight.")
_LLM = Kind.LLM
_WITH_HISTORY = frozenset({Kind.AGENT, Kind.CHAIN, Kind.LLM, Kind.TURN})
_KIND_NAMES: dict[Kind | None, str] = {
    None: "span",
    **{kind: kind.value for kind in Kind},
    Kind.TURN: "part",
}


class Renderer:
    """Makes the wire spans of one conversation's turns."""

    def __init__(self, conversation_id: str, memory: Conversation, attachments: Attachments) -> None:
        self._id = conversation_id
        self._memory = memory
        self._attachments = attachments
        self._parents: dict[str, str] = {}
        self._synthetic = conversation_id.startswith(SYNTHETIC_PREFIX)

    def render(self, turn: Turn) -> list[SpanData]:
        """Return the wire spans of a turn, the turn first."""
        for run in turn.tools.runs:
            run.wire_id = self._tool_id(run)
            for node in run.nodes:
                self._parents[node.span.span_id] = run.wire_id
        for call in turn.calls:
            for node in call.nodes:
                self._parents[node.span.span_id] = call.main.span.span_id
        spans = [self._turn(turn)]
        for run in turn.tools.runs:
            spans.append(self._tool(run, turn))
            self._remember(run)
        spans += [
            self._call(call, turn) for call in turn.calls if call.usage.reported or not call.only_logged
        ]
        spans += [self._counted(node, turn) for node in turn.counted]
        spans += [self._other(node, turn) for node in turn.others]
        return spans

    def _remember(self, run: ToolRun) -> None:
        if run.call_id:
            ends = [node.span.end_ns for node in run.nodes]
            if run.call is not None:
                ends.append(run.call.end_ns)
            done = run.has_result or run.error is not None
            known = KnownAction(run.wire_id, max(ends, default=run.end_ns), done=done, ran=bool(run.nodes))
            self._memory.note_action(run.call_id, known)

    # -- one span each

    def _turn(self, turn: Turn) -> SpanData:
        source = turn.root.span if turn.root is not None else turn.first
        attributes = self._ours(semconv.KIND_TURN, turn)
        attributes[semconv.TURN_COMPLETE] = True
        if not turn.captured:
            attributes[semconv.CONTENT_CAPTURED] = False
        if self._memory.customer:
            attributes[semconv.CUSTOMER_ID] = self._memory.customer
        if self._memory.metadata:
            attributes[semconv.CONVERSATION_METADATA] = encode_json_str(self._memory.metadata)
        if turn.root is not None:
            attributes[semconv.DIALECT] = turn.root.reading.dialect
            if turn.root.reading.agent:
                attributes[semconv.ENTITY_NAME] = turn.root.reading.agent
            attributes = beside_originals(attributes, turn.root, REPEATED)
        if self._synthetic:
            attributes[semconv.CONVERSATION_SYNTHETIC] = True
        said = turn.said
        start, end = source.start_ns, turn.end_ns
        if said:
            if len(said) > 1:
                said = sorted(said, key=lambda one: one.time_ns)
            start, end = min(start, said[0].time_ns), max(end, said[-1].time_ns)
        whole = turn.root is not None
        # Without names: msgspec takes four times as long for arguments that have them.
        return SpanData(
            source.trace_id,
            turn.span_id,
            source.name if whole else "turn",
            start,
            end,
            source.parent_span_id,
            source.kind if whole else "internal",
            "error" if turn.failed else "ok",
            source.status_description if turn.failed else "",
            attributes,
            (*map(self._message, said), *(_without_messages(source) if whole else ())),
            source.links if whole else (),
            source.resource,
            source.scope,
            source.trace_flags,
            source.trace_state,
        )

    def _message(self, said: Said) -> EventData:
        attributes: dict[str, Any] = {
            semconv.MESSAGE_ID: said.key,
            semconv.MESSAGE_SENDER: said.sender,
            semconv.MESSAGE_CONTENT: self._attachments.text_of(said),
        }
        if said.metadata or said.message.shows:
            metadata = said.metadata | self._attachments.described(said)
            attributes[semconv.MESSAGE_METADATA] = encode_json_str(metadata)
        return EventData(semconv.MESSAGE_EVENT, said.time_ns, attributes)

    def _tool(self, run: ToolRun, turn: Turn) -> SpanData:
        source = (
            run.nodes[0].span if run.nodes else (run.call.main.span if run.call is not None else turn.first)
        )
        attributes = self._ours(semconv.KIND_TOOL, turn)
        attributes[semconv.TOOL_NAME] = run.name
        attributes[semconv.ENTITY_NAME] = run.name
        if run.call_id:
            attributes[semconv.GEN_AI_TOOL_CALL_ID] = run.call_id
        if run.arguments is not None:
            attributes[semconv.TOOL_ARGUMENTS] = encode_json_str(run.arguments)
        if run.error is not None:
            attributes[semconv.TOOL_ERROR] = run.error
        elif run.has_result:
            attributes[semconv.TOOL_RESPONSE] = result_text(run.result)
        if run.nodes:
            attributes[semconv.DIALECT] = run.nodes[0].reading.dialect
            attributes = with_originals(attributes, run.nodes, TOOL_REPEATED)
            wire = msgspec.structs.replace(source, events=_without_messages(source))
        else:
            start = run.start_ns
            wire = SpanData(
                source.trace_id, "", f"execute_tool {run.name}", start, max(run.end_ns, start),
                resource=source.resource, scope=source.scope,
            )  # fmt: skip
        return msgspec.structs.replace(
            wire,
            span_id=run.wire_id,
            parent_span_id=self._parent(source, turn) if run.nodes else turn.span_id,
            status="error" if run.error is not None else "ok",
            attributes=attributes,
        )

    def _tool_id(self, run: ToolRun) -> str:
        if run.wire_id:
            return run.wire_id
        if run.call_id and not run.reused:
            return span_id("tool", self._id, run.call_id)
        if run.nodes:
            return run.nodes[0].span.span_id
        source = run.call.main.span.span_id if run.call is not None else ""
        return span_id("tool", self._id, source, str(run.index))

    def _call(self, call: Call, turn: Turn) -> SpanData:
        source = call.main.span
        failed = call.failed
        attributes = self._ours(semconv.KIND_LLM, turn)
        attributes[semconv.DIALECT] = call.main.reading.dialect
        _add_model(attributes, call)
        _add_usage(attributes, call)
        if failed:
            attributes[semconv.LLM_ERROR] = (
                call.first("error_message")
                or source.status_description
                or call.first("error_type")
                or call.first("outcome")
                or "error"
            )
        attributes = with_originals(attributes, call.nodes[::-1], REPEATED)
        return msgspec.structs.replace(
            source,
            parent_span_id=self._parent(call.nodes[0].span, turn),
            attributes=attributes,
            events=_without_messages(source),
            status="error" if failed else source.status,
        )

    def _counted(self, node: Node, turn: Turn) -> SpanData:
        """Return a model call that stands for all those a run made, which left no spans with counts."""
        source = node.span
        attributes = self._ours(semconv.KIND_LLM, turn)
        attributes[semconv.DIALECT] = node.reading.dialect
        call = Call([node])
        _add_model(attributes, call)
        _add_usage(attributes, call)
        return msgspec.structs.replace(
            source,
            span_id=span_id("usage", source.trace_id, source.span_id),
            name=f"usage of {source.name}",
            parent_span_id=turn.span_id,
            attributes=attributes,
            events=(),
            links=(),
        )

    def _other(self, node: Node, turn: Turn) -> SpanData:
        source = node.span
        if _is_embedding_call(node):
            return self._embedding(node, turn)
        attributes = self._ours(_KIND_NAMES[node.kind], turn)
        if node.reading.dialect:
            attributes[semconv.DIALECT] = node.reading.dialect
        if node.reading.agent:
            attributes[semconv.ENTITY_NAME] = node.reading.agent
        repeated = REPEATED if node.kind in _WITH_HISTORY else None
        return msgspec.structs.replace(
            source,
            parent_span_id=self._parent(source, turn),
            attributes=beside_originals(attributes, node, repeated),
            events=_without_messages(source),
        )

    def _embedding(self, node: Node, turn: Turn) -> SpanData:
        """Return a call of an embeddings model: the contract counts it among the model calls."""
        source = node.span
        attributes = self._ours(semconv.KIND_LLM, turn)
        attributes[semconv.DIALECT] = node.reading.dialect
        _add_model(attributes, Call([node]))
        attributes[semconv.GEN_AI_OPERATION_NAME] = "embeddings"
        attributes[semconv.GEN_AI_USAGE_INPUT_TOKENS] = 0
        attributes[semconv.GEN_AI_USAGE_OUTPUT_TOKENS] = 0
        if tokens := node.reading.usage.input:
            attributes[semconv.LLM_EMBEDDING_TOKENS] = tokens
        elif not node.reading.usage.reported:
            attributes[semconv.LLM_USAGE_REPORTED] = False
        return msgspec.structs.replace(
            source,
            parent_span_id=self._parent(source, turn),
            attributes=beside_originals(attributes, node, None),
            events=_without_messages(source),
        )

    def _ours(self, kind: str, turn: Turn) -> dict[str, Any]:
        return {
            semconv.CONVERSATION_ID: self._id,
            semconv.SPAN_KIND: kind,
            semconv.TURN_ID: turn.span_id,
        }

    def _parent(self, source: SpanData, turn: Turn) -> str:
        parent = source.parent_span_id
        if parent is None or parent == turn.span_id:
            return turn.span_id
        return self._parents.get(parent, parent if turn.root is not None else turn.span_id)


def _without_messages(span: SpanData) -> tuple[EventData, ...]:
    if not span.events:
        return ()
    return tuple(event for event in span.events if not event.name.startswith(_MESSAGE_EVENTS))


def _is_embedding_call(node: Node) -> bool:
    """Whether a span is the call itself, and not a framework's span around one."""
    return node.kind is Kind.EMBEDDING and not any(
        below.kind is Kind.EMBEDDING for below in node.subtree() if below is not node
    )


def _add_model(attributes: dict[str, Any], call: Call) -> None:
    requested = call.first("request_model")
    model = call.first("response_model") or requested
    operation = call.first("operation") if call.main.kind is _LLM else None
    attributes[semconv.GEN_AI_OPERATION_NAME] = operation or "chat"
    if provider := call.first("provider"):
        attributes[semconv.GEN_AI_SYSTEM] = provider
    if model:
        attributes[semconv.GEN_AI_REQUEST_MODEL] = model
        if requested and requested != model:
            attributes[semconv.LLM_REQUESTED_MODEL] = requested
    for node in call.nodes:
        if "streaming" in node.reading.fields and node.reading.flag("streaming"):
            attributes[semconv.LLM_STREAMING] = True


def _add_usage(attributes: dict[str, Any], call: Call) -> None:
    usage = call.usage
    if not usage.reported:
        if not call.failed:
            attributes[semconv.GEN_AI_USAGE_INPUT_TOKENS] = 0
            attributes[semconv.GEN_AI_USAGE_OUTPUT_TOKENS] = 0
            attributes[semconv.LLM_USAGE_REPORTED] = False
        return
    read, written = usage.cache_read, usage.cache_write
    cached = (read or 0) + (written or 0)
    total = usage.input or 0
    # The contract counts the uncached input; a total below its own parts was already without them.
    attributes[semconv.GEN_AI_USAGE_INPUT_TOKENS] = total - cached if total >= cached else total
    attributes[semconv.GEN_AI_USAGE_OUTPUT_TOKENS] = usage.output or 0
    if read:
        attributes[semconv.LLM_CACHE_READ_TOKENS] = read
    if written:
        attributes[semconv.LLM_CACHE_WRITE_TOKENS] = written
    if usage.reasoning:
        attributes[semconv.LLM_REASONING_TOKENS] = usage.reasoning
    if usage.audio_input:
        attributes[semconv.LLM_AUDIO_INPUT_TOKENS] = usage.audio_input
    if usage.audio_output:
        attributes[semconv.LLM_AUDIO_OUTPUT_TOKENS] = usage.audio_output

"""Model calls: one for each that was made, however many instrumentations saw it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from agentsight_otel.translation.assembly.logs import LOG_ONLY
from agentsight_otel.translation.assembly.memory import Sighting
from agentsight_otel.translation.assembly.trees import Node
from agentsight_otel.translation.dialects.base import Kind
from agentsight_otel.translation.dialects.messages import Message
from agentsight_otel.translation.dialects.reading import Reading
from agentsight_otel.translation.dialects.usage import Usage
from agentsight_otel.translation.dialects.values import PLACEHOLDERS, as_text


class Call:
    """One call of a model.

    Attributes:
        nodes: The spans that saw it, outermost first.
        main: The innermost one that counted its tokens.
        usage: Its tokens, each from the innermost span that has it.
        input: Messages without the system's, of the span that recorded most.
        output: Messages of the model, likewise.
        system: Text of the system messages.
        tool: The tool it was made inside of, None in the conversation itself.
        start_ns: When it began.
        end_ns: When it ended.
        asks_for_tools: The model wants tools to be run before it goes on.
        reply: The first message with a text, other choices being drafts; the last where it sums up the rest.
    """

    __slots__ = (
        "asks_for_tools",
        "delta",
        "end_ns",
        "input",
        "main",
        "nodes",
        "output",
        "reply",
        "start_ns",
        "system",
        "tool",
        "usage",
    )

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes
        self.start_ns = min([node.span.start_ns for node in nodes])
        self.end_ns = max([node.span.end_ns for node in nodes])
        inner_first = nodes[::-1]
        self.main = next((node for node in inner_first if node.reading.usage.reported), inner_first[0])
        usage = self.main.reading.usage
        for node in inner_first:
            if node is not self.main:
                usage = usage.filled_from(node.reading.usage)
        self.usage: Usage = usage
        told = _richest(inner_first, "input").reading
        self.delta = told.delta
        self.input = tuple([m for m in told.input if m.role != "system"])
        self.system = "\n".join([m.text for m in told.input if m.role == "system"])
        self.output: tuple[Message, ...] = _richest(inner_first, "output").reading.output
        self.asks_for_tools = any(message.asks for message in self.output)
        self.reply = _reply(self.output)
        above = nodes[0].above
        while above is not None and above.kind is not Kind.TOOL:
            above = above.above
        self.tool = above

    def merge(self, other: Call) -> None:
        """Take the spans of another sighting of the same call, seen from further inside."""
        merged = Call([*self.nodes, *other.nodes])
        merged.tool = self.tool
        for name in self.__slots__:
            setattr(self, name, getattr(merged, name))

    @property
    def failed(self) -> bool:
        """Whether it ended in an error."""
        return all(node.reading.failed for node in self.nodes)

    @property
    def only_logged(self) -> bool:
        """Whether no span tells of it, only log records."""
        return all(LOG_ONLY in node.span.attributes for node in self.nodes)

    def first(self, field: str) -> str | None:
        """Return a text field of the innermost span that has it."""
        for node in reversed(self.nodes):
            value = node.reading.fields.get(field)
            if value is not None and (text := as_text(value)) is not None:
                return text
        return None


def find_calls(nodes: Iterable[Node]) -> tuple[list[Call], list[Node]]:
    """Return the model calls among nodes, by start, and the model spans that only wrap several calls.

    A model span around exactly one other is the same call seen twice, as are two with the same response id.
    """
    groups: dict[int, list[Node]] = {}
    wrappers: list[Node] = []
    for node in nodes:
        if node.kind is not Kind.LLM or id(node) in groups:
            continue
        chain = [node]
        if not node.below:
            groups[id(node)] = chain
            continue
        while len(below := list(_model_spans_below(chain[-1]))) == 1:
            chain.append(below[0])
        if below:
            wrappers.append(chain[-1])
            chain.pop()
            if not chain:
                continue
            wrappers += chain
            continue
        for member in chain:
            groups[id(member)] = chain
    merged = _by_response({id(chain): chain for chain in groups.values()}.values())
    calls = [Call(chain) for chain in merged]
    calls.sort(key=lambda call: (call.start_ns, call.end_ns, call.main.span.span_id))
    return calls, wrappers


def _model_spans_below(node: Node) -> Iterator[Node]:
    for below in node.below:
        if below.kind is Kind.LLM:
            yield below
        elif below.kind is Kind.CHAIN:
            yield from _model_spans_below(below)


def _by_response(chains: Iterable[list[Node]]) -> list[list[Node]]:
    merged: list[list[Node]] = []
    by_id: dict[tuple[str, str], list[Node]] = {}
    for chain in chains:
        names = {response for node in chain if (response := node.reading.text("response_id"))}
        keys = [(chain[0].span.trace_id, name) for name in sorted(names)]
        known = next((by_id[key] for key in keys if key in by_id), None)
        if known is None:
            known = chain
            merged.append(known)
        else:
            known += chain
            known.sort(key=lambda node: (node.span.start_ns, -node.span.end_ns, node.span.span_id))
        by_id.update(dict.fromkeys(keys, known))
    return merged


def merge_shadows(runs: list[list[Call]]) -> set[int]:
    """Merge a call that stands alone into the call of another top span that is the same one.

    That is a call with the same response id or a log record about it, in the same trace; or the sighting of
    another instrumentation that lies within it, in a trace of its own.

    Args:
        runs: The calls of each top span of one conversation.

    Returns:
        The ``id()`` of every call that is now part of another.
    """
    alone = [calls[0] for calls in runs if len(calls) == 1 and calls[0].nodes[0].above is None]
    hidden: set[int] = set()
    by_trace: dict[str, list[Call]] = {}
    every = sorted((call for calls in runs for call in calls), key=lambda call: call.start_ns)
    for call in every:
        by_trace.setdefault(call.main.span.trace_id, []).append(call)
    starts = [call.start_ns for call in every]
    for shadow in sorted(alone, key=lambda call: not call.only_logged):
        near = [call for call in by_trace[shadow.main.span.trace_id] if _same_in_trace(shadow, call)]
        far = every[: bisect_right(starts, shadow.start_ns)] if not near else []
        found = near or [call for call in far if _shadows(shadow, call)]
        found = [call for call in found if call is not shadow and id(call) not in hidden]
        if found:
            call = min(found, key=lambda one: (abs(one.end_ns - shadow.end_ns), one.start_ns))
            call.merge(shadow)
            hidden.add(id(shadow))
    return hidden


def _same_in_trace(shadow: Call, call: Call) -> bool:
    response = shadow.first("response_id")
    if response is not None and (other := call.first("response_id")) is not None:
        return response == other
    return shadow.only_logged and not call.only_logged and _says_the_same(shadow, call)


def _shadows(shadow: Call, call: Call) -> bool:
    return (
        shadow.end_ns <= call.end_ns
        and shadow.main.span.scope.name != call.main.span.scope.name
        and shadow.main.span.trace_id != call.main.span.trace_id
        and _says_the_same(shadow, call)
    )


def sighting(call: Call) -> Sighting:
    """Return what to remember of a call, so that another instrumentation's sighting of it can be told."""
    span = call.main.span
    tokens = call.usage.output if call.usage.reported else None
    return Sighting(span.trace_id, span.scope.name, call.start_ns, call.end_ns, tokens, _signs(call))


def was_seen(shadow: Call, sightings: Sequence[Sighting]) -> bool:
    """Whether a call that stands alone is one that has left, seen from within by another instrumentation."""
    if not sightings or not shadow.output or shadow.nodes[0].above is not None:
        return False
    signs, counted = _signs(shadow), shadow.usage.reported
    span = shadow.main.span
    return any(
        known.start_ns <= shadow.start_ns
        and shadow.end_ns <= known.end_ns
        and known.scope != span.scope.name
        and known.trace_id != span.trace_id
        and (not counted or known.tokens is None or known.tokens == shadow.usage.output)
        and known.spoken == signs
        for known in sightings
    )


def _signs(call: Call) -> tuple[str | None, ...]:
    text = call.reply.sign if call.reply is not None else None
    return text, *(part.name for message in call.output for part in message.of("tool_call"))


def _says_the_same(one: Call, other: Call) -> bool:
    counted = one.usage.reported and other.usage.reported
    if counted and one.usage.output != other.usage.output:
        return False
    return bool(one.output) and _spoken(one) == _spoken(other)


def _spoken(call: Call) -> tuple[str, tuple[str, ...]]:
    text = call.reply.text.strip() if call.reply is not None else ""
    return text, tuple(part.name for message in call.output for part in message.of("tool_call"))


def _richest(nodes: list[Node], side: str) -> Node:
    """Return the node whose input or output says most, the first of equals."""
    if len(nodes) == 1:
        return nodes[0]
    return max(nodes, key=lambda node: _size(getattr(node.reading, side)))


def _size(messages: tuple[Message, ...]) -> int:
    return sum(len(part.text) + 8 * (part.kind != "other") for message in messages for part in message.parts)


def _reply(output: tuple[Message, ...]) -> Message | None:
    spoken = [message for message in output if message.role == "assistant" and message.text.strip()]
    if len(spoken) > 1 and spoken[-1].text == "".join(message.text for message in spoken[:-1]):
        return spoken[-1]
    return spoken[0] if spoken else None


def call_content(call: Call) -> bool:
    """Whether a model call's spans carry any text of the conversation, and not only what stands for one."""
    return _says_something(call.input) or _says_something(call.output)


def content_of(reading: Reading) -> bool:
    """Whether a span carries any text of a conversation, and not only what stands for one."""
    texts = {text.strip() for text in (reading.user_text, reading.reply_text) if text}
    if not texts <= PLACEHOLDERS:
        return True
    return _says_something(reading.input) or _says_something(reading.output)


def _says_something(messages: tuple[Message, ...]) -> bool:
    return any(message.role != "system" and message.text.strip() not in PLACEHOLDERS for message in messages)

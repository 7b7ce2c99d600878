"""Model calls: one for each that was made, however many instrumentations saw it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agentsight_otel.translation.assembly.trees import Node
from agentsight_otel.translation.dialects.base import Kind
from agentsight_otel.translation.dialects.messages import Message
from agentsight_otel.translation.dialects.reading import Reading
from agentsight_otel.translation.dialects.usage import Usage


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
    """

    __slots__ = ("delta", "input", "main", "nodes", "output", "system", "tool", "usage")

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes
        inner_first = nodes[::-1]
        self.main = next((node for node in inner_first if node.reading.usage.reported), inner_first[0])
        usage = self.main.reading.usage
        for node in inner_first:
            usage = usage.filled_from(node.reading.usage)
        self.usage: Usage = usage
        told = max(inner_first, key=lambda node: _size(node.reading.input)).reading
        self.delta = told.delta
        self.input = tuple(m for m in told.input if m.role != "system")
        self.system = "\n".join(m.text for m in told.input if m.role == "system")
        made = max(inner_first, key=lambda node: _size(node.reading.output)).reading
        self.output: tuple[Message, ...] = made.output
        self.tool = next((above for above in nodes[0].ancestors() if above.kind is Kind.TOOL), None)

    @property
    def start_ns(self) -> int:
        """When it began."""
        return min(node.span.start_ns for node in self.nodes)

    @property
    def end_ns(self) -> int:
        """When it ended."""
        return max(node.span.end_ns for node in self.nodes)

    @property
    def failed(self) -> bool:
        """Whether it ended in an error."""
        return all(node.reading.failed for node in self.nodes)

    @property
    def asks_for_tools(self) -> bool:
        """Whether the model wants tools to be run before it goes on."""
        return any(part.kind == "tool_call" for message in self.output for part in message.parts)

    @property
    def reply(self) -> Message | None:
        """The first message with a text; other choices are drafts."""
        return next((m for m in self.output if m.role == "assistant" and m.text.strip()), None)

    def first(self, field: str) -> str | None:
        """Return a text field of the innermost span that has it."""
        for node in reversed(self.nodes):
            if (value := node.reading.text(field)) is not None:
                return value
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


def _size(messages: tuple[Message, ...]) -> int:
    return sum(len(part.text) + 8 * (part.kind != "other") for message in messages for part in message.parts)


def content_of(reading: Reading) -> bool:
    """Whether a span carries any text of a conversation."""
    return bool(reading.input or reading.output or reading.user_text or reading.reply_text)

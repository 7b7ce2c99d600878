"""Which conversation each span belongs to (section 7.2 of the dialects)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from agentsight_otel.translation.assembly.continuity import conversation_of_history, remember_tail
from agentsight_otel.translation.assembly.memory import Memory
from agentsight_otel.translation.assembly.trees import Node
from agentsight_otel.translation.dialects.base import Kind
from agentsight_otel.translation.dialects.messages import Told
from agentsight_otel.translation.limits import MAX_FIELD_CHARS, clamp_id

SYNTHETIC_PREFIX = "trace:"
_LLM = Kind.LLM


def resolve(traces: list[list[Node]], memory: Memory, notices: Counter[str]) -> None:
    """Set the conversation of every node; traces and nodes in order of their start.

    An id of ours wins; else that of the outermost span that says something about a conversation; else any
    of the same trace; the trace's earlier conversation; the chain of responses; links; any other span's;
    last an id made of the trace's.
    """
    for nodes in traces:
        _down_the_tree(nodes, notices)
    waiting = []
    told: dict[str, Told | None] = {}
    for nodes in traces:
        shared = _shared(nodes)
        if shared is None:
            waiting.append(nodes)
        else:
            _settle(nodes, shared, memory, told)
    for nodes in waiting:
        _settle(nodes, _elsewhere(nodes, memory), memory, told)


def _down_the_tree(nodes: list[Node], notices: Counter[str]) -> None:
    done: set[int] = set()
    for start in nodes:
        parent = start.parent
        if parent is None or id(parent) in done:
            _name(start, notices)
            done.add(id(start))
            continue
        path = []
        node: Node | None = start
        while node is not None and id(node) not in done:
            path.append(node)
            node = node.parent
        for node in reversed(path):
            _name(node, notices)
            done.add(id(node))


def _name(node: Node, notices: Counter[str]) -> None:
    reading = node.reading
    inherited = node.parent.conversation if node.parent is not None else ""
    own = ""
    if reading.conversation and (node.matters or reading.is_ours):
        own = reading.conversation
        if len(own) > MAX_FIELD_CHARS:
            own = clamp_id(own, notices)
    node.conversation = own if own and (reading.is_ours or not inherited) else inherited


def _shared(nodes: list[Node]) -> str | None:
    named = {node.conversation for node in nodes}
    if len(named) == 1:
        return named.pop() or None
    best = min(
        (node for node in nodes if node.conversation),
        key=lambda node: (_depth(node), node.span.start_ns, node.span.span_id),
        default=None,
    )
    return best.conversation if best is not None else None


def _depth(node: Node) -> int:
    depth = 0
    above = node.parent
    while above is not None:
        depth += 1
        above = above.parent
    return depth


def _elsewhere(nodes: list[Node], memory: Memory) -> str:
    trace_id = nodes[0].span.trace_id
    return memory.traces.get(trace_id) or next(_hints(nodes, memory), SYNTHETIC_PREFIX + trace_id)


def _hints(nodes: list[Node], memory: Memory) -> Iterator[str]:
    """Iterate over the conversations that spans without an id point to, the surest first."""
    for node in nodes:
        if previous := node.reading.text("previous_response"):
            yield from filter(None, [memory.responses.get(previous)])
    for node in nodes:
        yield from filter(None, (memory.traces.get(link.trace_id) for link in node.span.links))
    for node in nodes:
        yield from filter(None, [conversation_of_history(node, memory)])
    for node in nodes:
        yield from filter(None, [clamp_id(node.reading.conversation, Counter())])


def _settle(nodes: list[Node], conversation: str, memory: Memory, told: dict[str, Told | None]) -> None:
    memory.traces.put(nodes[0].span.trace_id, conversation)
    for node in nodes:
        node.conversation = node.conversation or conversation
        if response := node.reading.response:
            memory.responses.put(response, node.conversation)
        if node.kind is _LLM:
            told[node.conversation] = node.reading.follow(told.get(node.conversation))
            remember_tail(node, memory)
        elif node.reading.history:
            node.reading.follow(told.get(node.conversation))  # a run's, which holds what its calls go on with

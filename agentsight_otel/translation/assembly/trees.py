"""The spans of a trace as trees of what matters to a conversation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agentsight_otel.translation.dialects.base import Kind
from agentsight_otel.translation.dialects.reading import Reading
from agentsight_otel.translation.span_data import SpanData

CONTAINERS = frozenset({Kind.TURN, Kind.AGENT, Kind.CHAIN})
_TRANSPARENT = frozenset({None, Kind.OTHER})
_HOLDERS = frozenset({Kind.CHAIN, Kind.AGENT})


class Node:
    """A span in its trace.

    Attributes:
        reading: What it says.
        span: The span.
        kind: What it is.
        matters: It says something about a conversation.
        parent: Its parent span, None for a root or an orphan.
        above: Its nearest ancestor that matters.
        below: Its nearest descendants that matter, by start.
        conversation: Id of its conversation, once resolved.
    """

    __slots__ = ("above", "below", "conversation", "kind", "matters", "parent", "reading", "span")

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.span: SpanData = reading.span
        self.kind: Kind | None = reading.kind
        self.matters = self.kind not in _TRANSPARENT
        self.parent: Node | None = None
        self.above: Node | None = None
        self.below: list[Node] = []
        self.conversation = ""

    def ancestors(self) -> Iterator[Node]:
        """Iterate over what matters above it, nearest first."""
        node = self.above
        while node is not None:
            yield node
            node = node.above

    def subtree(self) -> Iterator[Node]:
        """Iterate over it and all that matters below it, parents first, by start."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            stack += reversed(node.below)


def order(node: Node) -> tuple[int, int, str, str]:
    """Sort key: by start, the longer span first, then by id."""
    span = node.span
    return span.start_ns, -span.end_ns, span.trace_id, span.span_id


def connect(readings: Iterable[Reading]) -> list[Node]:
    """Return the spans of one trace as nodes in order, with their relations set."""
    nodes = sorted(map(Node, readings), key=order)
    by_id = {node.span.span_id: node for node in nodes}
    seen: set[int] = set()
    ordered = True
    for node in nodes:
        parent = by_id.get(node.span.parent_span_id or "")
        if parent is not None and parent is not node:
            node.parent = parent
            ordered = ordered and id(parent) in seen
        seen.add(id(node))
    if not ordered:
        _break_cycles(nodes)
    for node in nodes:
        node.above = _nearest(node)
    for node in nodes:
        if node.matters and node.above is not None:
            node.above.below.append(node)
    return nodes


def _nearest(node: Node) -> Node | None:
    above = node.parent
    while above is not None and not above.matters:
        above = above.parent
    return above


def _break_cycles(nodes: list[Node]) -> None:
    safe: set[int] = set()
    for node in nodes:
        path: list[Node] = []
        seen: set[int] = set()
        step: Node | None = node
        while step is not None and id(step) not in safe:
            if id(step) in seen:
                step.parent = None
                break
            seen.add(id(step))
            path.append(step)
            step = step.parent
        safe.update(id(one) for one in path)


def tops(nodes: list[Node]) -> tuple[list[Node], list[Node]]:
    """Return the spans that stand for turns or parts of one, and those that only hold such spans.

    A span of another conversation than the one above it stands for itself.
    """
    for node in nodes:
        if node.above is not None and node.above.conversation != node.conversation:
            node.above.below.remove(node)
            node.above = None
    found: list[Node] = []
    holders: list[Node] = []
    waiting = [node for node in nodes if node.matters and node.above is None]
    while waiting:
        node = waiting.pop()
        if node.kind in _HOLDERS and any(
            below.kind is Kind.TURN for below in node.subtree() if below is not node
        ):
            holders.append(node)
            for below in node.below:
                below.above = None
            waiting += node.below
            node.below = []
        else:
            found.append(node)
    return sorted(found, key=order), holders

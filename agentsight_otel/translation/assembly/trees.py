"""The spans of a trace as trees of what matters to a conversation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import attrgetter

from agentsight_otel.translation.dialects.base import Kind
from agentsight_otel.translation.dialects.reading import Reading
from agentsight_otel.translation.span_data import SpanData

CONTAINERS = frozenset({Kind.TURN, Kind.AGENT, Kind.CHAIN})
_TRANSPARENT = frozenset({None, Kind.OTHER})
_TURN = Kind.TURN
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
        order: Sort key: by start, the longer span first, then by id.
    """

    __slots__ = ("above", "below", "conversation", "kind", "matters", "order", "parent", "reading", "span")

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.span: SpanData = reading.span
        self.kind: Kind | None = reading.kind
        self.matters = self.kind not in _TRANSPARENT
        span = self.span
        self.order = (span.start_ns, -span.end_ns, span.trace_id, span.span_id)
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

    def subtree(self) -> list[Node]:
        """Return it and all that matters below it, parents first, by start."""
        if not self.below:
            return [self]
        found: list[Node] = []
        stack = [self]
        while stack:
            node = stack.pop()
            found.append(node)
            if node.below:
                stack += node.below[::-1]
        return found


order = attrgetter("order")


def connect(readings: Iterable[Reading]) -> list[Node]:
    """Return the spans of one trace as nodes in order, with their relations set."""
    nodes = [Node(reading) for reading in readings]
    if len(nodes) > 1:
        nodes.sort(key=order)
    earlier: dict[str, Node] = {}
    strays: set[str] = set()
    for node in nodes:
        span = node.span
        parent_id = span.parent_span_id
        if parent_id:
            parent = node.parent = earlier.get(parent_id)
            if parent is None:
                strays.add(parent_id)
            else:
                node.above = parent if parent.matters else parent.above
        earlier[span.span_id] = node
    if not strays.isdisjoint(earlier):
        _relate(nodes, earlier)
    for node in nodes:
        if node.above is not None and node.matters:
            node.above.below.append(node)
    return nodes


def _relate(nodes: list[Node], by_id: dict[str, Node]) -> None:
    """Set the relations of nodes some of which start before their parents."""
    for node in nodes:
        parent = by_id.get(node.span.parent_span_id or "")
        node.parent = parent if parent is not node else None
    _break_cycles(nodes)
    for node in nodes:
        node.above = _nearest(node)


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
    turns = False
    for node in nodes:
        if node.above is not None and node.above.conversation != node.conversation:
            if node.matters:
                node.above.below.remove(node)
            node.above = None
        turns = turns or node.kind is _TURN
    waiting = [node for node in nodes if node.above is None and node.matters]
    if not turns:
        return waiting, []
    found: list[Node] = []
    holders: list[Node] = []
    while waiting:
        node = waiting.pop()
        if node.kind in _HOLDERS and any(
            below.kind is _TURN for below in node.subtree() if below is not node
        ):
            holders.append(node)
            for below in node.below:
                below.above = None
            waiting += node.below
            node.below = []
        else:
            found.append(node)
    return sorted(found, key=order), holders

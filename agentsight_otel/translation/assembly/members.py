"""Foreign spans inside a turn of ours: model calls and tools, never messages, which the turn has itself."""

from __future__ import annotations

from collections.abc import Iterator

from agentsight_otel import semconv
from agentsight_otel.translation.assembly.calls import find_calls
from agentsight_otel.translation.assembly.render import Renderer
from agentsight_otel.translation.assembly.tools import Ledger, ToolBook
from agentsight_otel.translation.assembly.trees import Node
from agentsight_otel.translation.assembly.turns import Turn
from agentsight_otel.translation.dialects.base import Kind
from agentsight_otel.translation.span_data import SpanData


def member_spans(roots: list[Node], renderer: Renderer) -> Iterator[SpanData]:
    """Return the wire spans of foreign spans that carry the id of a turn of ours."""
    for root in roots:
        turn_id = str(root.span.attributes[semconv.TURN_ID])
        nodes = list(root.subtree())
        calls, wrappers = find_calls(nodes)
        turn = Turn(turn_id, root.span, None, ToolBook(Ledger()), calls=calls, captured=True)
        turn.others = [node for node in nodes if node.kind not in {Kind.LLM, Kind.TOOL}] + wrappers
        for node in nodes:
            if node.kind is Kind.TOOL:
                turn.tools.ran(node)
        yield from renderer.render(turn)[1:]

"""Foreign spans inside a turn of ours: model calls and tools, never messages, which the turn has itself."""

from __future__ import annotations

from collections.abc import Iterator

from agentsight_otel import semconv
from agentsight_otel.translation.assembly.calls import find_calls, merge_shadows, sighting, was_seen
from agentsight_otel.translation.assembly.memory import Conversation, Memory
from agentsight_otel.translation.assembly.render import Renderer
from agentsight_otel.translation.assembly.tools import Ledger, ToolBook
from agentsight_otel.translation.assembly.trees import Node
from agentsight_otel.translation.assembly.turns import Turn
from agentsight_otel.translation.dialects.base import Kind
from agentsight_otel.translation.span_data import SpanData


def member_spans(
    roots: list[Node], renderer: Renderer, remembered: Conversation, memory: Memory
) -> Iterator[SpanData]:
    """Return the wire spans of foreign spans that carry the id of a turn of ours."""
    by_turn: dict[str, list[Node]] = {}
    for root in roots:
        by_turn.setdefault(str(root.span.attributes[semconv.TURN_ID]), []).append(root)
    ledger = Ledger(remembered.actions)
    for turn_id, members in by_turn.items():
        turn = Turn(turn_id, members[0].span, None, ToolBook(ledger), captured=True)
        _fill(turn, members, remembered)
        _leave_to_the_turn(turn, memory)
        yield from renderer.render(turn)[1:]


def _fill(turn: Turn, roots: list[Node], remembered: Conversation) -> None:
    found = [(nodes, *find_calls(nodes)) for nodes in (root.subtree() for root in roots)]
    hidden = merge_shadows([calls for _, calls, _ in found])
    every = [call for _, calls, _ in found for call in calls]
    hidden |= {id(call) for call in every if was_seen(call, remembered.sightings)}
    remembered.note_sightings([sighting(call) for call in every])
    for nodes, calls, wrappers in found:
        turn.others += [node for node in nodes if node.kind not in {Kind.LLM, Kind.TOOL}] + wrappers
        for call in calls:
            if id(call) in hidden:
                continue
            turn.calls.append(call)
            turn.tools.recover(call)
            turn.tools.answer(call)
            turn.tools.asked(call)
        for node in nodes:
            if node.kind is Kind.TOOL:
                turn.tools.ran(node)


def _leave_to_the_turn(turn: Turn, memory: Memory) -> None:
    """Leave out the tools that only messages tell of and that the turn recorded itself."""
    recorded = memory.recorded(turn.span_id)
    turn.tools.runs = [run for run in turn.tools.runs if run.nodes or run.name not in recorded]

"""Turns: what the user said, what the agent did about it, and what it answered."""

from __future__ import annotations

from typing import Any

import msgspec

from agentsight_otel.translation.assembly import replies
from agentsight_otel.translation.assembly.calls import Call, content_of, find_calls
from agentsight_otel.translation.assembly.ids import span_id, text_id, text_signature
from agentsight_otel.translation.assembly.lanes import Found, Lane, users_of
from agentsight_otel.translation.assembly.memory import Conversation
from agentsight_otel.translation.assembly.replies import Numbered
from agentsight_otel.translation.assembly.tools import ToolBook
from agentsight_otel.translation.assembly.trees import CONTAINERS, Node
from agentsight_otel.translation.dialects.base import Kind
from agentsight_otel.translation.dialects.messages import Message
from agentsight_otel.translation.span_data import SpanData

_MAX_NESTED_LANES = 16
_STEP_NS = 1_000


class Said(msgspec.Struct):
    """A message of the transcript.

    Attributes:
        key: Deterministic id.
        sender: ``end_user`` or ``agent``.
        message: What was said.
        time_ns: When.
        metadata: Of the message.
    """

    key: str
    sender: str
    message: Message
    time_ns: int
    metadata: dict[str, Any] = {}


class Turn(msgspec.Struct, eq=False):
    """One exchange.

    Attributes:
        span_id: Of the wire span.
        first: The span it began with.
        root: The span that is the turn, or None when the turn's span is made up.
        said: Its messages, in order.
        calls: Model calls.
        tools: Tool runs.
        others: Other spans of it, archived as they are.
        captured: Some text of it was recorded.
        end_ns: When its last span ended.
        failed: Its run ended in an error.
    """

    span_id: str
    first: SpanData
    root: Node | None
    said: list[Said] = []
    calls: list[Call] = []
    tools: ToolBook = msgspec.field(default_factory=ToolBook)
    others: list[Node] = []
    captured: bool = False
    end_ns: int = 0
    failed: bool = False

    def has(self, sender: str) -> bool:
        """Whether a side has said something."""
        return any(said.sender == sender for said in self.said)


class TurnBuilder:
    """Makes the turns of one conversation out of its top spans, given in order of their start."""

    def __init__(self, conversation_id: str, memory: Conversation) -> None:
        self.turns: list[Turn] = []
        self._id = conversation_id
        self._memory = memory
        self._spoken: list[Call] = []

    def add(self, root: Node) -> None:
        """Take a top span with all below it."""
        nodes = list(root.subtree())
        calls, wrappers = find_calls(nodes)
        container = root if root.kind in CONTAINERS else None
        turn = self._add_calls(root, container, calls)
        turn.end_ns = max(turn.end_ns, root.span.end_ns)
        turn.failed = root.reading.failed
        turn.captured = turn.captured or any(content_of(node.reading) for node in nodes)
        archived = [node for node in nodes if node.kind not in {Kind.LLM, Kind.TOOL} and node is not turn.root]
        turn.others += archived + wrappers
        for node in nodes:
            if node.kind is Kind.TOOL:
                self._turn_at(node, turn).tools.ran(node)
        self._close(turn, container)

    def _add_calls(self, root: Node, container: Node | None, calls: list[Call]) -> Turn:
        """Take the model calls below a top span; return the turn they end in."""
        turn: Turn | None = None
        outright = replies.asked(container) if container is not None else None
        for call in calls:
            lane = self._lane(call)
            if lane is self._memory.main:
                first = not self._spoken or turn is None
                users = self._listen(lane, call, turn)
                if first:
                    users = self._settled(container, outright, users)
                    outright_used = True
                turn = self._turn_for(turn, root, container, call, users)
                self._spoken.append(call)
            turn = turn or self._continued(root, container)
            turn.calls.append(call)
            turn.end_ns = max(turn.end_ns, call.end_ns)
            self._note_tools(turn, lane, call)
        return turn

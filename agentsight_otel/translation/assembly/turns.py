"""Turns: what the user said, what the agent did about it, and what it answered."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import msgspec

from agentsight_otel.translation.assembly import replies
from agentsight_otel.translation.assembly.calls import (
    Call,
    call_content,
    content_of,
    find_calls,
    merge_shadows,
    sighting,
    was_seen,
)
from agentsight_otel.translation.assembly.ids import span_id, text_id
from agentsight_otel.translation.assembly.lanes import History, Lane, users_of
from agentsight_otel.translation.assembly.later import ask_later
from agentsight_otel.translation.assembly.logs import LOG_ONLY
from agentsight_otel.translation.assembly.memory import Conversation
from agentsight_otel.translation.assembly.replies import Outright
from agentsight_otel.translation.assembly.tools import Ledger, ToolBook
from agentsight_otel.translation.assembly.trees import CONTAINERS, Node
from agentsight_otel.translation.dialects.base import Kind
from agentsight_otel.translation.dialects.messages import Message
from agentsight_otel.translation.dialects.values import PLACEHOLDERS
from agentsight_otel.translation.span_data import SpanData

_MAX_NESTED_LANES = 16
_STEP_NS = 1_000
_MILLISECOND_NS = 1_000_000
_LLM, _TOOL = Kind.LLM, Kind.TOOL
_counted = attrgetter("usage.reported")


class Said(msgspec.Struct, gc=False):
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
        said: Its messages.
        calls: Model calls.
        tools: Tool runs.
        others: Other spans of it, archived as they are.
        counted: Runs that say how many tokens they used, where no model call does.
        captured: Some text of it was recorded.
        end_ns: When its last span ended.
        failed: Its run ended in an error.
    """

    span_id: str
    first: SpanData
    root: Node | None
    tools: ToolBook
    said: list[Said] = []
    calls: list[Call] = []
    others: list[Node] = []
    counted: list[Node] = []
    captured: bool = False
    end_ns: int = 0
    failed: bool = False

    def has(self, sender: str) -> bool:
        """Whether a side has said something."""
        return sender in [said.sender for said in self.said]


class _Run:
    """A top span while its turns are made."""

    __slots__ = ("container", "heard", "outright", "root", "spoken", "turn")

    def __init__(self, root: Node) -> None:
        self.root = root
        self.container = root if root.kind in CONTAINERS else None
        self.outright: Outright | None = replies.asked(root) if self.container is not None else None
        self.turn: Turn | None = None
        self.heard = False
        self.spoken: list[Call] = []


class TurnBuilder:
    """Makes the turns of one conversation out of its top spans, given in order of their start."""

    def __init__(self, conversation_id: str, memory: Conversation) -> None:
        self.turns: list[Turn] = []
        self._id = conversation_id
        self._memory = memory
        self._ledger = Ledger(memory.actions)
        self._latest: History | None = None

    def add_all(self, roots: list[Node]) -> None:
        """Take all top spans of a conversation, in order of their start."""
        found = [(root, nodes, *find_calls(nodes)) for root in roots if (nodes := _members(root))]
        hidden = merge_shadows([calls for _, _, calls, _ in found])
        if late := [call for _, _, calls, _ in found for call in calls if call.main.reading.rules.asks_later]:
            ask_later(late)
        if known := self._memory.sightings:
            hidden |= {
                id(calls[0]) for _, _, calls, _ in found if len(calls) == 1 and was_seen(calls[0], known)
            }
        for root, nodes, calls, wrappers in found:
            if hidden and root.kind is _LLM and hidden.issuperset(map(id, calls)) and calls:
                continue
            self.add(root, nodes, calls, wrappers)
        self._memory.note_sightings([sighting(call) for _, _, calls, _ in found for call in calls])

    def add(self, root: Node, nodes: list[Node], calls: list[Call], wrappers: list[Node]) -> None:
        """Take a top span with all below it."""
        run = _Run(root)
        for call in calls:
            self._add_call(run, call)
        if not run.heard:
            self._hear(run, self._told_outright(run), root.span.start_ns, root.span)
        turn = run.turn or self._continued(run)
        turn.end_ns = max(turn.end_ns, root.span.end_ns)
        turn.failed = turn.failed or root.reading.failed
        turn.captured = turn.captured or any(map(call_content, calls)) or content_of(root.reading)
        top = turn.root
        for node in nodes:
            if node.kind is _TOOL:
                self._turn_at(node.span.start_ns, turn).tools.ran(node)
            elif node.kind is not _LLM and node is not top:
                turn.others.append(node)
        turn.others += wrappers
        if run.container is not None and not calls and root.reading.speaks and not turn.tools.runs:
            turn.tools.told(root.reading)
        if not any(map(_counted, calls)):
            turn.counted += _outermost_counts(root)
        self._answer(run, turn, run.container)

    # -- model calls

    def _add_call(self, run: _Run, call: Call) -> None:
        self._latest = call.follow(self._latest)
        lane = self._lane(call)
        main = self._memory.main
        if lane is main:
            self._listen(run, main, call)
        turn = run.turn = run.turn or self._continued(run)
        if lane is main:
            run.spoken.append(call)
        turn.calls.append(call)
        turn.end_ns = max(turn.end_ns, call.end_ns)
        turn.tools.recover(call)
        self._ledger.answer(call)
        if call.asks:
            turn.tools.asked(call)
        if lane is not None and (lane.open_calls or call.asks_for_tools):
            lane.note_calls(call.input, call.output)

    def _lane(self, call: Call) -> Lane | None:
        """Return the lane of a call; None inside a tool, where nothing is said to the user.

        A sub-agent in the background goes on when the span of its tool has left.
        """
        if call.tool is not None or "sub_agent" in call.main.reading.fields:
            return None
        main = self._memory.main
        if not main.users or not main.open_calls or not call.input or main.continues(call.history):
            return main
        for lane in self._memory.nested:
            if lane.system == call.system and lane.continues(call.history):
                return lane
        texts = [message.text for message in users_of(call.input)]
        asked = any(text and text in arguments for text in texts for arguments in main.open_calls.values())
        if not asked and (not call.system or not main.system or call.system == main.system):
            return main
        lane = Lane(system=call.system)
        lane.find_new(call.history)
        self._memory.nested = [*self._memory.nested[-_MAX_NESTED_LANES + 1 :], lane]
        return lane

    # -- what the user said

    def _listen(self, run: _Run, lane: Lane, call: Call) -> None:
        """Find what the user says in the input of a call, and the turn the call belongs to."""
        lane.system = call.system or lane.system
        before = run.turn or (self.turns[-1] if self.turns else None)
        again = before is not None and not before.has("agent") and not self._spoke(run)
        found = lane.find_new(call.history, delta=call.delta, again=again)
        if found.backfill:
            self._fill_in(found.backfill, before, call)
        users = found.users
        start = call.start_ns
        if not run.heard:
            users = replies.settle(run.outright, users)
            if run.container is not None:
                start = min(start, run.root.span.start_ns)
        elif run.outright is not None or not self._spoke(run):
            users = []
        run.heard = run.heard or bool(call.input or users)
        self._hear(run, users, start, call.nodes[0].span)

    def _told_outright(self, run: _Run) -> list[Message]:
        """Return what a run's own span alone says the user said."""
        outright = run.outright
        if outright is None or outright.alone:
            return replies.settle(outright, [])
        reading = run.root.reading
        history = [message for message in reading.input if message.role != "system"]
        while reading.history and history and not history[-1].from_user:
            del history[-1]  # the run's own doing
        return self._memory.main.find_new(History(tuple(history))).users

    def _hear(self, run: _Run, users: list[Message], time_ns: int, source: SpanData) -> None:
        """Add what the user said, to the turn it begins or belongs to."""
        if not users:
            return
        turn = run.turn = self._turn_for(run, users, source)
        time_ns = self._after_the_answer(turn, time_ns)
        said = {message.message.text.strip() for message in turn.said}
        for index, message in enumerate(users):
            if _is_blank(message) or (turn.root is not run.root and message.text.strip() in said):
                continue
            key = text_id("user", source.trace_id, source.span_id, str(index))
            turn.said.append(Said(key, "end_user", message, time_ns + index * _STEP_NS))

    def _after_the_answer(self, turn: Turn, time_ns: int) -> int:
        """Return when a turn began: not before the last answer, where a clock has whole milliseconds only."""
        answered = self._memory.answered_ns
        if not turn.said and not time_ns % _MILLISECOND_NS and 0 <= answered - time_ns < _MILLISECOND_NS:
            return answered + _STEP_NS
        return time_ns

    def _turn_for(self, run: _Run, users: list[Message], source: SpanData) -> Turn:
        current = run.turn
        if current is not None:
            if not current.has("end_user"):
                return current
            self._answer(run, current, None)
            return self._begin(run, source)
        last = self.turns[-1] if self.turns else None
        if last is not None and self._same_words(run, users, last):
            return last
        return self._begin(run, source)

    def _same_words(self, run: _Run, users: list[Message], last: Turn) -> bool:
        """Whether another span of the same exchange says again what the user said."""
        if last.has("agent") or last.first.trace_id != run.root.span.trace_id:
            return False
        said = {message.message.text.strip() for message in last.said}
        return all(message.text.strip() in said for message in users)

    def _continued(self, run: _Run) -> Turn:
        """Return the turn of a top span that brings nothing new from the user."""
        last = self.turns[-1] if self.turns else None
        if last is None:
            return self._begin(run, run.root.span)
        if last.first.trace_id == run.root.span.trace_id:
            return last
        if run.container is not None:
            return self._begin(run, run.root.span)
        if (
            run.root.kind is not _LLM
            or run.root.reading.input
            or (last.calls and last.calls[-1].asks_for_tools)
        ):
            return last
        return self._begin(run, run.root.span)

    def _begin(self, run: _Run, first: SpanData) -> Turn:
        if run.container is not None and run.turn is None:
            turn = Turn(
                run.root.span.span_id,
                run.root.span,
                run.root,
                ToolBook(self._ledger),
                end_ns=run.root.span.start_ns,
            )
        else:
            turn = Turn(
                span_id("turn", first.trace_id, first.span_id),
                first,
                None,
                ToolBook(self._ledger),
                end_ns=first.start_ns,
            )
        self.turns.append(turn)
        run.turn = turn
        run.spoken = []
        return turn

    def _turn_at(self, time_ns: int, last: Turn) -> Turn:
        """Return the turn a tool ran in."""
        for turn in reversed(self.turns):
            if turn.first.start_ns <= time_ns and turn.first.trace_id == last.first.trace_id:
                return turn
        return last

    # -- what the agent answered

    def _spoke(self, run: _Run) -> bool:
        return bool(run.spoken) and any(map(_is_spoken, run.spoken))

    def _answer(self, run: _Run, turn: Turn, container: Node | None) -> None:
        """Add the agent's answer, once for a top span."""
        spoken = list(filter(_is_spoken, run.spoken))
        last = spoken[0] if spoken else None
        if len(spoken) > 1:
            last = max(spoken, key=lambda call: (call.end_ns, call.start_ns))
        answer = replies.answer(last, container)
        if answer is None or _is_blank(answer[0]):
            return
        message, call = answer
        source = call.main.span if call is not None else run.root.span
        response = call.response if call is not None else None
        key = (
            text_id("agent", self._id, response)
            if response
            else text_id("agent", source.trace_id, source.span_id, "0")
        )
        if any(said.key == key for said in turn.said):
            return
        self._memory.main.answered(message)
        time_ns = call.end_ns if call is not None else source.end_ns
        self._memory.answered_ns = time_ns
        interrupted = {"interrupted": True} if run.root.reading.flag("interrupted") else {}
        turn.said.append(Said(key, "agent", message, time_ns, interrupted))

    def _fill_in(self, backfill: list[Message], before: Turn | None, call: Call) -> None:
        """Add answers that only a later history tells of, to the turn they were given in."""
        for index, message in enumerate(backfill):
            source = call.main.span
            key = text_id("history", source.trace_id, source.span_id, str(index))
            turn = before
            if turn is None:
                turn = Turn(span_id("backfill", key), call.nodes[0].span, None, ToolBook(self._ledger))
                turn.end_ns = call.start_ns - _STEP_NS
                turn.captured = True
                self.turns.append(turn)
            turn.said.append(Said(key, "agent", message, turn.end_ns, {"backfilled": True}))


def _is_spoken(call: Call) -> bool:
    return call.reply is not None and not call.asks_for_tools


def _outermost_counts(root: Node) -> list[Node]:
    """Return the outermost runs that count tokens; what is below them is counted in them."""
    found = []
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.kind in CONTAINERS and node.reading.usage.reported:
            found.append(node)
        else:
            waiting += node.below
    return found


def _is_blank(message: Message) -> bool:
    """Whether there is nothing to show: no text, or one that stands for a text that was left out."""
    return message.text.strip() in PLACEHOLDERS and not message.shows


def _members(root: Node) -> list[Node]:
    """Return what is part of a turn below a top span: all but the stand-ins for late evaluations."""
    return [
        node
        for node in root.subtree()
        if node.kind is not Kind.EVALUATOR or LOG_ONLY not in node.span.attributes
    ]

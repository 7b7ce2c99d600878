"""Which traces are ready together, and which go on waiting for tools, or for the end of their run."""

from __future__ import annotations

from collections import Counter
from operator import attrgetter
from typing import NamedTuple

from agentsight_otel.translation.assembly.calls import Call, find_calls
from agentsight_otel.translation.assembly.identity import SYNTHETIC_PREFIX, resolve
from agentsight_otel.translation.assembly.lanes import users_of
from agentsight_otel.translation.assembly.logs import readings
from agentsight_otel.translation.assembly.memory import Memory
from agentsight_otel.translation.assembly.pending import Pending, PendingTrace
from agentsight_otel.translation.assembly.trees import Node, connect, order
from agentsight_otel.translation.dialects.base import Kind

_matters = attrgetter("matters")
_LOOKING_UP = frozenset({Kind.EMBEDDING, Kind.RETRIEVAL})
_STEPS = frozenset({Kind.LLM, Kind.TOOL})
_TURN = Kind.TURN


class Ready(NamedTuple):
    """Traces to make blocks of, each as its nodes, in order of their start.

    Attributes:
        speaking: Those that say something about a conversation, which every node of them names.
        silent: The others.
    """

    speaking: list[list[Node]]
    silent: list[list[Node]]


class _Grown(NamedTuple):
    trace: PendingTrace
    nodes: list[Node]


def gather(
    traces: list[PendingTrace],
    pending: Pending,
    memory: Memory,
    notices: Counter[str],
    now_ns: int | None,
    *,
    export_all: bool,
) -> Ready:
    """Read *traces* and those held for the same conversations; give back what waits for its tools.

    Args:
        traces: What has left *pending*; their order makes no difference.
        pending: Holds the rest, and takes back what waits.
        memory: What earlier spans said.
        notices: Counts what was cut.
        now_ns: The time; None when everything has to go.
        export_all: Also those that only look something up, for no conversation that they name.
    """
    speaking, silent = _grow(traces, memory)
    if now_ns is not None:
        for trace, nodes in speaking:
            if _goes_on(trace, nodes, pending, memory) and pending.may_wait([trace], now_ns):
                pending.hold_open(trace)
        speaking = [grown for grown in speaking if not grown.trace.holder]
    resolve([nodes for _, nodes in speaking], memory, notices)
    if not export_all:
        # Building an index calls an embeddings model thousands of times, each in a trace of its own.
        silent += [grown for grown in speaking if _only_looks_up(grown.nodes)]
        speaking = [grown for grown in speaking if not _only_looks_up(grown.nodes)]
    if held := pending.take_held(sorted({node.conversation for _, nodes in speaking for node in nodes})):
        speaking = sorted([*speaking, *_grow(held, memory)[0]], key=_start)
        resolve([nodes for _, nodes in speaking], memory, notices)
    if now_ns is None:
        return _ready(speaking, silent)
    waiting: set[str] = set()
    for conversation_id, parts in _unfinished(speaking).items():
        if pending.may_wait(parts, now_ns):
            pending.hold(conversation_id, parts)
            waiting.add(conversation_id)
    return _ready([one for one in speaking if one.nodes[0].conversation not in waiting], silent)


def _ready(speaking: list[_Grown], silent: list[_Grown]) -> Ready:
    return Ready([nodes for _, nodes in speaking], [nodes for _, nodes in silent])


def _grow(traces: list[PendingTrace], memory: Memory) -> tuple[list[_Grown], list[_Grown]]:
    forest = sorted((_Grown(trace, connect(readings(trace, memory))) for trace in traces), key=_start)
    speaking: list[_Grown] = []
    silent: list[_Grown] = []
    for grown in forest:
        (speaking if any(map(_matters, grown.nodes)) else silent).append(grown)
    return speaking, silent


def _only_looks_up(nodes: list[Node]) -> bool:
    return nodes[0].conversation.startswith(SYNTHETIC_PREFIX) and all(
        node.kind in _LOOKING_UP for node in nodes if node.matters
    )


def _start(grown: _Grown) -> tuple[int, int, str, str]:
    return grown.nodes[0].order


def _goes_on(trace: PendingTrace, nodes: list[Node], pending: Pending, memory: Memory) -> bool:
    """Whether something is part of a run whose span has not ended, as far as one can know.

    What is above turns may go on for hours, and is not waited for. A model call that failed mostly ends its
    run, and some instrumentations then never end its span.
    """
    if not trace.spans:
        return False  # records of the log may be all there is
    last = max((node for node in nodes if node.kind in _STEPS), key=_end, default=None)
    if last is not None and last.kind is Kind.LLM and last.reading.failed:
        return False
    left = memory.delivered.get(trace.trace_id) or ()
    turns = any(node.kind is _TURN for node in nodes)
    for node in nodes:
        if node.kind in _STEPS if turns else node.matters:
            top = node
            while top.parent is not None and top.kind is not _TURN:
                top = top.parent
            above = _above(top)
            if above and not (above in trace.spans or above in left or pending.is_gone(trace, above)):
                return True
    return False


def _above(top: Node) -> str | None:
    span = top.span
    return None if top.kind is _TURN or span.parent_is_remote else span.parent_span_id


def _end(node: Node) -> tuple[int, int]:
    return node.span.end_ns, node.span.start_ns


def _unfinished(speaking: list[_Grown]) -> dict[str, list[PendingTrace]]:
    """Return the traces of the conversations in which a model waits for the results of tools."""
    roots: dict[str, list[Node]] = {}
    traces: dict[str, list[PendingTrace]] = {}
    mixed: set[str] = set()
    for trace, nodes in speaking:
        named = {node.conversation for node in nodes}
        if len(named) > 1:
            mixed |= named
            continue
        [name] = named
        traces.setdefault(name, []).append(trace)
        roots.setdefault(name, []).extend(node for node in nodes if node.matters and node.above is None)
    return {name: traces[name] for name, found in roots.items() if name not in mixed and _waits(found)}


def _waits(roots: list[Node]) -> bool:
    """Whether a model call comes last; a run with a span of its own has ended with it."""
    last = max(roots, key=_end)
    if last.kind is not Kind.LLM:
        return False
    calls, _ = find_calls(last.subtree())
    if not calls:
        return False
    models = [root for root in roots if root.kind is Kind.LLM and root is not last]
    return _has_open_calls(calls[-1]) or _is_asked(calls[-1], models)


def _has_open_calls(call: Call) -> bool:
    """Whether a model wants tools to be run that its provider has not run itself."""
    done = {part.id for message in call.output for part in message.results}
    asked = [part for message in call.output for part in message.asks]
    return any(not part.hosted and part.id not in done for part in asked)


def _is_asked(call: Call, earlier: list[Node]) -> bool:
    """Whether a call is that of an agent whom another one asks, through a tool, and still waits for."""
    texts = [message.text for message in users_of(call.input) if message.text]
    latest: dict[str, Call] = {}
    for node in sorted(earlier, key=order) if texts else ():
        one = Call([node])
        latest[one.system] = one
    return any(
        text in str(part.value)
        for system, one in latest.items()
        if system != call.system and _has_open_calls(one)
        for message in one.output
        for part in message.asks
        for text in texts
    )

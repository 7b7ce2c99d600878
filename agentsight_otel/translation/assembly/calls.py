"""Model calls: one for each that was made, however many instrumentations saw it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter

from agentsight_otel.translation.assembly.lanes import History
from agentsight_otel.translation.assembly.logs import LOG_ONLY
from agentsight_otel.translation.assembly.memory import Sighting
from agentsight_otel.translation.assembly.trees import Node
from agentsight_otel.translation.dialects.base import Kind
from agentsight_otel.translation.dialects.messages import Message
from agentsight_otel.translation.dialects.reading import Reading
from agentsight_otel.translation.dialects.values import PLACEHOLDERS

_LLM, _TOOL = Kind.LLM, Kind.TOOL
_asks, _waits = attrgetter("asks"), attrgetter("waits")
_captured, _failed = attrgetter("captured"), attrgetter("reading.failed")


class Call:
    """One call of a model.

    Attributes:
        nodes: The spans that saw it, outermost first.
        main: The innermost one that counted its tokens.
        usage: Its tokens, each from the innermost span that has it.
        output: Messages of the model, of the span that recorded most.
        tool: The tool it was made inside of, None in the conversation itself.
        response: Id that the provider gave its answer, or None.
        start_ns: When it began.
        end_ns: When it ended.
        asks: The model asks for tools, be it for those that its provider runs.
        asks_for_tools: The model wants tools to be run before it goes on.
        reply: The first message that says or shows something, other choices being drafts; the last where it
            sums up the rest.
    """

    __slots__ = (
        "_history",
        "_told",
        "asks",
        "asks_for_tools",
        "delta",
        "end_ns",
        "main",
        "nodes",
        "output",
        "reply",
        "response",
        "start_ns",
        "tool",
        "usage",
    )

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes
        self.main = main = _main(nodes)
        told = answered = main.reading
        self.start_ns, self.end_ns = main.span.start_ns, main.span.end_ns
        self.usage = main.reading.usage
        self.response = main.reading.response
        if len(nodes) > 1:
            inner_first = nodes[::-1]
            self.start_ns = min([node.span.start_ns for node in nodes])
            self.end_ns = max([node.span.end_ns for node in nodes])
            for node in inner_first:
                if node is not main:
                    self.usage = self.usage.filled_from(node.reading.usage)
            self.response = self.first("response_id")
            told = _richest(inner_first, "input").reading
            answered = _richest(inner_first, "output").reading
        self.delta = told.delta
        self._told = told.input
        self.output = output = answered.output
        self.asks = any(map(_asks, output))
        self.asks_for_tools = self.asks and any(map(_waits, output))
        self.reply = _reply(output) if output else None
        self._history: History | None = None
        above = nodes[0].above
        while above is not None and above.kind is not _TOOL:
            above = above.above
        self.tool = above

    def follow(self, earlier: History | None) -> History:
        """Compare its input with that of the call before; return its history."""
        if self._history is None:
            self._history = History(self._told, earlier)
        return self._history

    @property
    def history(self) -> History:
        """Its input, of the span that recorded most."""
        return self._history or self.follow(None)

    @property
    def input(self) -> list[Message]:
        """Its input without the system's messages."""
        return (self._history or self.follow(None)).messages

    @property
    def system(self) -> str:
        """Text of the system's messages."""
        return "\n".join(self.history.systems)

    def say(self, message: Message) -> None:
        """Take what the model said from elsewhere than its own span."""
        self.output = output = (message,)
        self.asks = any(map(_asks, output))
        self.asks_for_tools = self.asks and any(map(_waits, output))
        self.reply = _reply(output)

    def merge(self, other: Call) -> None:
        """Take the spans of another sighting of the same call, seen from further inside."""
        merged = Call([*self.nodes, *other.nodes])
        merged.tool = self.tool
        for name in self.__slots__:
            setattr(self, name, getattr(merged, name))

    @property
    def failed(self) -> bool:
        """Whether it ended in an error."""
        return self.main.reading.failed and all(map(_failed, self.nodes))

    @property
    def only_logged(self) -> bool:
        """Whether no span tells of it, only log records."""
        return all(LOG_ONLY in node.span.attributes for node in self.nodes)

    def first(self, field: str) -> str | None:
        """Return a text field of the innermost span that has it."""
        nodes = self.nodes
        if len(nodes) == 1:
            text = nodes[0].reading.fields.get(field)
            return text if isinstance(text, str) and text.strip() else None
        return next(filter(None, [node.reading.text(field) for node in reversed(nodes)]), None)


def find_calls(nodes: Iterable[Node]) -> tuple[list[Call], list[Node]]:
    """Return the model calls among nodes, by start, and the model spans that only wrap several calls.

    A model span around exactly one other is the same call seen twice, as are two with the same response id.
    """
    chains: list[list[Node]] = []
    grouped: set[int] = set()
    wrappers: list[Node] = []
    for node in nodes:
        if node.kind is not _LLM or id(node) in grouped:
            continue
        chain = [node]
        if not node.below:
            chains.append(chain)
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
        chains.append(chain)
        grouped.update(map(id, chain))
    if len(chains) > 1:
        chains = _by_response(chains)
    calls = [Call(chain) for chain in chains]
    if len(calls) > 1:
        calls.sort(key=lambda call: (call.start_ns, call.end_ns, call.main.span.span_id))
    return calls, wrappers


def _model_spans_below(node: Node) -> Iterator[Node]:
    for below in node.below:
        if below.kind is _LLM:
            yield below
        elif below.kind is Kind.CHAIN:
            yield from _model_spans_below(below)


def _by_response(chains: Iterable[list[Node]]) -> list[list[Node]]:
    merged: list[list[Node]] = []
    by_id: dict[tuple[str, str], list[Node]] = {}
    for chain in chains:
        names = [response for node in chain if (response := node.reading.response)]
        keys = [(chain[0].span.trace_id, name) for name in sorted(names)]
        known = None
        for key in keys:
            if known is None:
                known = by_id.get(key)
        if known is None:
            known = chain
            merged.append(known)
        else:
            known += chain
            known.sort(key=lambda node: (node.span.start_ns, -node.span.end_ns, node.span.span_id))
        for key in keys:
            by_id[key] = known
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
    if not alone:
        return hidden
    by_trace: dict[str, list[Call]] = {}
    every = sorted([call for calls in runs for call in calls], key=lambda call: call.start_ns)
    for call in every:
        by_trace.setdefault(call.main.span.trace_id, []).append(call)
    starts = [call.start_ns for call in every]
    several = len({call.main.span.scope.name for call in every}) > 1
    for shadow in sorted(alone, key=lambda call: not call.only_logged):
        beside = by_trace[shadow.main.span.trace_id]
        if len(beside) == 1 and shadow.response is not None:
            continue
        near = [call for call in beside if _same_in_trace(shadow, call)]
        far = every[: bisect_right(starts, shadow.start_ns)] if several and not near else ()
        found = near or [call for call in far if _shadows(shadow, call)]
        found = [call for call in found if call is not shadow and id(call) not in hidden]
        if found:
            call = min(found, key=lambda one: (abs(one.end_ns - shadow.end_ns), one.start_ns))
            call.merge(shadow)
            hidden.add(id(shadow))
    return hidden


def _same_in_trace(shadow: Call, call: Call) -> bool:
    if shadow.response is not None and call.response is not None:
        return shadow.response == call.response
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


def _signs(call: Call) -> tuple[int | str | None, ...]:
    text = call.reply.sign if call.reply is not None else None
    return (text, *_asked(call)) if call.asks else (text,)


def _asked(call: Call) -> tuple[str, ...]:
    return tuple([part.name for message in call.output for part in message.asks])


def _says_the_same(one: Call, other: Call) -> bool:
    counted = one.usage.reported and other.usage.reported
    if counted and one.usage.output != other.usage.output:
        return False
    return bool(one.output) and _spoken(one) == _spoken(other)


def _spoken(call: Call) -> tuple[str, tuple[str, ...]]:
    text = call.reply.text.strip() if call.reply is not None else ""
    return text, _asked(call)


def _main(nodes: list[Node]) -> Node:
    """Return the innermost node that counted tokens, else the innermost."""
    if len(nodes) > 1:
        for node in reversed(nodes):
            if node.reading.usage.reported:
                return node
    return nodes[-1]


def _richest(nodes: list[Node], side: str) -> Node:
    """Return the node whose input or output says most, the first of equals."""
    return max(nodes, key=lambda node: _size(getattr(node.reading, side)))


def _size(messages: tuple[Message, ...]) -> int:
    return sum(len(part.text) + 8 * (part.kind != "other") for message in messages for part in message.parts)


def _reply(output: tuple[Message, ...]) -> Message | None:
    if len(output) == 1:
        [message] = output
        return message if _is_said(message) else None
    spoken = list(filter(_is_said, output))
    if len(spoken) > 1 and spoken[-1].text == "".join(message.text for message in spoken[:-1]):
        return spoken[-1]
    return spoken[0] if spoken else None


def _is_said(message: Message) -> bool:
    return message.role == "assistant" and bool(message.text.strip() or message.shows)


def call_content(call: Call) -> bool:
    """Whether a model call's spans carry any text of the conversation, and not only what stands for one."""
    return _says_something(call.input) or _says_something(call.output)


def content_of(reading: Reading) -> bool:
    """Whether a span carries any text of a conversation, and not only what stands for one."""
    if not reading.speaks:
        return False
    texts = {text.strip() for text in (reading.user_text, reading.reply_text) if text}
    if not texts <= PLACEHOLDERS:
        return True
    return _says_something(reading.input) or _says_something(reading.output)


def _says_something(messages: Iterable[Message]) -> bool:
    return any(map(_captured, messages))

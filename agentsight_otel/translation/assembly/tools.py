"""Tool runs: the span of the tool and what the model's messages say about it, as one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from agentsight_otel.encoding import encode_json_str
from agentsight_otel.translation.assembly.calls import Call
from agentsight_otel.translation.assembly.memory import KnownAction
from agentsight_otel.translation.assembly.results import pairs_in, unnamed_at_the_end
from agentsight_otel.translation.assembly.trees import Node
from agentsight_otel.translation.assembly.unwrapping import (
    name_from_span,
    unwrap_arguments,
    unwrap_envelope,
    unwrap_result,
)
from agentsight_otel.translation.dialects.base import Kind, Rules
from agentsight_otel.translation.dialects.events import CHOICE, TOOL_OUTPUT
from agentsight_otel.translation.dialects.messages import Message
from agentsight_otel.translation.dialects.parts import Part, answer_in, plain_result
from agentsight_otel.translation.dialects.reading import Reading, flag_says_failed
from agentsight_otel.translation.dialects.values import as_id, as_text, load

_MISSING = object()
_STEP_NS = 1_000
_TOOL = Kind.TOOL


class ToolRun(msgspec.Struct):
    """One run of a tool.

    Attributes:
        call_id: As the model's provider numbered it, or "".
        reused: An earlier call of the conversation had the same id: some instrumentations number by turn.
        name: Of the tool.
        arguments: As structured as any evidence has them; None when unknown.
        result: Likewise.
        has_result: The result is known, also when it is null.
        error: Text of the failure, or None.
        nodes: Spans of the run, outermost first.
        call: The model call that asked for it.
        index: Its number among what that call asked for.
        wire_id: Of the wire span, when it has left before; "" while it has not.
        since_ns: It cannot have run before.
        start_ns: When it was asked for, if no span says.
        end_ns: When its result came back, likewise.
    """

    call_id: str
    name: str
    arguments: Any = None
    result: Any = None
    has_result: bool = False
    error: str | None = None
    nodes: list[Node] = []
    call: Call | None = None
    index: int = 0
    reused: bool = False
    wire_id: str = ""
    since_ns: int = 0
    start_ns: int = 0
    end_ns: int = 0

    def take(self, part: Part, rules: Rules, time_ns: int) -> None:
        """Take the result that a model call was told or told itself, unless there is one."""
        if not self.has_result and self.error is None:
            value = unwrap_envelope(plain_result(part.value), rules)
            self.result, self.has_result, self.end_ns = plain_result(value), True, time_ns
            if part.failed:
                self.error = result_text(self.result)


class Ledger:
    """The tool runs of a conversation, by which results find them wherever they were asked for.

    Args:
        past: Those that have left, by the id of their call.
    """

    def __init__(self, past: Mapping[str, KnownAction]) -> None:
        self.by_id: dict[str, ToolRun] = {}
        self.past = past
        self._nameless: dict[tuple[str, str], list[ToolRun]] = {}
        self._waiting: list[ToolRun] = []

    def opened(self, run: ToolRun) -> None:
        """Note a run that a model asked for."""
        self._waiting.append(run)
        if run.call_id:
            self.by_id[run.call_id] = run
        else:
            self._nameless.setdefault((run.name, _canonical(run.arguments)), []).append(run)

    def answer(self, call: Call) -> None:
        """Give the results in a model call's input to the runs they belong to.

        Where results have no id, the n-th result of a tool with the same arguments is that of the n-th such
        run; a history that is longer than what is known ends with it. Where nothing at all says whose they
        are, and there are as many as the model asked for last, they come in that order.
        """
        if self._waiting:
            self._waiting = [run for run in self._waiting if not run.has_result]
        if not self._waiting:
            return
        nameless: dict[tuple[str, str], list[Part]] = {}
        pairs = [(part, asked, self._run_of(part, asked)) for part, asked in pairs_in(call)]
        for part, _, run in reversed(pairs):
            if run is not None:
                run.take(part, call.main.reading.rules, call.start_ns)
        for part, asked, run in pairs:
            if asked is not None and run is None:
                nameless.setdefault((asked.name, _canonical(asked.value)), []).append(part)
        for key, parts in nameless.items():
            runs = self._nameless.get(key, [])
            for run, part in zip(runs, parts[max(len(parts) - len(runs), 0) :], strict=False):
                run.take(part, call.main.reading.rules, call.start_ns)
        if unnamed := unnamed_at_the_end(call):
            self._in_order(unnamed, call)

    def _in_order(self, results: list[Part], call: Call) -> None:
        latest = [run for run in self._waiting if run.call is self._waiting[-1].call]
        if len(latest) == len(results):
            for run, part in zip(latest, results, strict=True):
                run.take(part, call.main.reading.rules, call.start_ns)

    def _run_of(self, part: Part, asked: Part | None) -> ToolRun | None:
        """Return the latest run with the id of a result, or of the call it answers."""
        run = self.by_id.get(part.id) if part.id else None
        if run is not None and (not part.name or part.name == run.name):
            return run
        run = self.by_id.get(asked.id) if asked is not None and asked.id else None
        return run if run is not None and (not part.name or part.name == run.name) else None


class ToolBook:
    """Gathers the tool runs of one turn."""

    def __init__(self, ledger: Ledger) -> None:
        self.runs: list[ToolRun] = []
        self._ledger = ledger

    def asked(self, call: Call) -> None:
        """Note the tools a model call asks for."""
        index = 0
        for message in call.output:
            for part in message.asks:
                known = self._ledger.by_id.get(part.id)
                if known is None:
                    self._number(self._open(part, call, index), call.start_ns)
                elif known.has_result and known.call is not call:
                    self._open(part, call, index).reused = True
                elif not known.arguments:
                    # A streamed call is written down before its arguments are known.
                    known.arguments = part.value
                index += 1
            for part in message.results:
                if (known := self._ledger.by_id.get(part.id)) is not None:
                    known.take(part, call.main.reading.rules, call.end_ns)

    def answer(self, call: Call) -> None:
        """Take the results in a model call's input, for whichever turn of the conversation asked."""
        self._ledger.answer(call)

    def recover(self, call: Call) -> None:
        """Note the tool calls of the current exchange that only the history of a model call tells of."""
        index = 0
        for message in reversed(call.input):
            if message.from_user:
                return
            for part in message.asks:
                past = self._ledger.past.get(part.id)
                if not part.id or part.id in self._ledger.by_id or self._named(part):
                    pass
                elif not (past and past.done):
                    run = self._open(part, call, index)
                    run.wire_id = past.span_id if past is not None else ""
                    run.since_ns, run.start_ns = 0, call.start_ns - _STEP_NS - index
                index += 1

    def _named(self, part: Part) -> bool:
        """Whether the model's own words told of a call without its id; it has the id from now on."""
        for run in self.runs:
            if (
                not run.call_id
                and run.name == part.name
                and run.arguments == part.value
                and not run.has_result
            ):
                run.call_id = part.id
                self._ledger.by_id[part.id] = run
                return True
        return False

    def told(self, reading: Reading) -> None:
        """Note the tools that only a run's own messages tell of; without an id they might be other ones."""
        span, rules = reading.span, reading.rules
        exchange: list[Message] = []
        for message in reversed((*reading.input, *reading.output)):
            if message.from_user:
                break
            exchange.insert(0, message)
        for part in [part for message in exchange for part in message.asks if part.id]:
            past = self._ledger.past.get(part.id)
            if part.id in self._ledger.by_id or (past and past.done) or part.name in rules.answer_tools:
                continue
            run = ToolRun(part.id, part.name, part.value, start_ns=span.start_ns, end_ns=span.start_ns)
            run.wire_id = past.span_id if past is not None else ""
            self.runs.append(run)
            self._ledger.opened(run)
        for part in [part for message in exchange for part in message.results]:
            if (known := self._ledger.by_id.get(part.id)) is not None:
                known.take(part, rules, span.end_ns)

    def ran(self, node: Node) -> None:
        """Note a span of a tool."""
        evidence = _from_span(node)
        run = self._match(evidence)
        if run is None:
            self.runs.append(evidence)
            if evidence.call_id:
                self._ledger.by_id[evidence.call_id] = evidence
                self._number(evidence, node.span.start_ns)
            return
        _merge(run, evidence)
        if evidence.call_id and not run.call_id:
            run.call_id = evidence.call_id
            self._ledger.by_id[run.call_id] = run

    def _number(self, run: ToolRun, start_ns: int) -> None:
        """Tell a run from one that has left with the same id: it is another one if that was over before."""
        past = self._ledger.past.get(run.call_id)
        if past is None:
            return
        if start_ns >= past.end_ns and (past.ran or not run.nodes):
            run.reused = True
        else:
            run.wire_id = past.span_id

    def _open(self, part: Part, call: Call, index: int) -> ToolRun:
        run = ToolRun(part.id, part.name, part.value, call=call, index=index)
        run.since_ns = call.start_ns
        run.start_ns = run.end_ns = call.end_ns + index * _STEP_NS
        self.runs.append(run)
        self._ledger.opened(run)
        return run

    def _match(self, evidence: ToolRun) -> ToolRun | None:
        if evidence.call_id:
            known = self._ledger.by_id.get(evidence.call_id)
            if known is not None:
                return known
        start = evidence.nodes[0].span.start_ns
        above = evidence.nodes[0].above
        parent = None
        for run in self.runs if above is not None and above.kind is _TOOL else ():
            if above in run.nodes:
                parent = run
                break
        if parent is not None and _same_run(parent, evidence):
            return parent
        free = [
            run
            for run in self.runs
            if not run.nodes and (not evidence.call_id or not run.call_id) and run.since_ns <= start
        ]
        named = [run for run in free if run.name == evidence.name]
        if len(named) <= 1:
            return named[0] if named else None
        wanted = _canonical(evidence.arguments)
        return next(
            (run for run in named if _canonical(run.arguments) == wanted),
            next((run for run in named if _resembles(run, evidence)), None),
        )


def _below_heading(text: Any, rules: Rules, otherwise: Any) -> Any:
    if rules.headings and isinstance(text, str) and text.startswith(rules.headings):
        return text.partition("\n")[2]
    return otherwise


def _from_span(node: Node) -> ToolRun:
    reading = node.reading
    fields = reading.fields
    name = reading.text("tool_name") or name_from_span(node.span.name)
    asked = fields.get("tool_arguments")
    arguments = unwrap_arguments(load(_below_heading(asked, reading.rules, asked)))
    raw = fields.get("tool_result", _MISSING)
    if raw is _MISSING:
        for event in node.span.events:
            if event.name in {TOOL_OUTPUT, CHOICE}:
                raw = next(
                    (
                        event.attributes[k]
                        for k in ("output", "content", "message", "diff")
                        if k in event.attributes
                    ),
                    _MISSING,
                )
    if raw is _MISSING and "new_messages" in fields:
        raw = _below_heading(fields["new_messages"], reading.rules, _MISSING)
        raw = answer_in(load(raw), reading.rules.report)
    value = unwrap_envelope(None if raw is _MISSING else load(raw), reading.rules)
    result, call_id, failed = unwrap_result(value)
    call_id = as_id(fields.get("tool_call_id")) or call_id
    run = ToolRun(call_id, name, arguments, nodes=[node])
    if reading.failed or failed or flag_says_failed(fields.get("tool_failed")):
        run.error = (
            as_text(reading.span.status_description)
            or reading.text("error_message")
            or (result_text(result) if raw is not _MISSING else None)
            or reading.text("error_type")
            or "error"
        )
        if reading.text("error_message"):
            run.error = reading.text("error_message")
    elif raw is not _MISSING:
        run.result, run.has_result = result, True
    return run


def _merge(run: ToolRun, evidence: ToolRun) -> None:
    run.nodes = sorted(
        [*run.nodes, *evidence.nodes],
        key=lambda node: (node.span.start_ns, -node.span.end_ns, node.span.span_id),
    )
    run.name = run.name or evidence.name
    if not isinstance(run.arguments, dict) and evidence.arguments is not None:
        run.arguments = evidence.arguments
    if evidence.error is not None:
        run.error = evidence.error
    if evidence.has_result:
        run.result, run.has_result = evidence.result, True


def _same_run(run: ToolRun, evidence: ToolRun) -> bool:
    return run.name == evidence.name and (
        not evidence.call_id or not run.call_id or evidence.call_id == run.call_id
    )


def _resembles(run: ToolRun, evidence: ToolRun) -> bool:
    """Whether arguments are the same but for their form: a lone value for an object of one entry."""
    if isinstance(run.arguments, dict):
        values = [result_text(value) for value in run.arguments.values()]
        given = evidence.arguments
        if isinstance(given, list):
            return values == [result_text(item) for item in given]
        if isinstance(given, str):
            return values == [given] or all(value in given for value in values)
        if isinstance(given, dict):
            return all(value in result_text(given) for value in values)
    return False


def _canonical(value: Any) -> str:
    if isinstance(value, dict):
        value = dict(sorted(value.items(), key=lambda item: str(item[0])))
    return encode_json_str(value)


def result_text(value: Any) -> str:
    """Return a result as text: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else encode_json_str(value)

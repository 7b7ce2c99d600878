"""Tool runs: the span of the tool and what the model's messages say about it, as one."""

from __future__ import annotations

from typing import Any

import msgspec

from agentsight_otel.encoding import encode_json_str
from agentsight_otel.translation.assembly.calls import Call
from agentsight_otel.translation.assembly.trees import Node
from agentsight_otel.translation.dialects.messages import read_messages
from agentsight_otel.translation.dialects.parts import Part, plain_result
from agentsight_otel.translation.dialects.reading import flag_says_failed
from agentsight_otel.translation.dialects.values import as_id, as_text, load

_MISSING = object()


class ToolRun(msgspec.Struct):
    """One run of a tool.

    Attributes:
        call_id: As the model's provider numbered it, or "".
        name: Of the tool.
        arguments: As structured as any evidence has them; None when unknown.
        result: Likewise.
        has_result: The result is known, also when it is null.
        error: Text of the failure, or None.
        nodes: Spans of the run, outermost first.
        call: The model call that asked for it.
        index: Its number among what that call asked for.
        end_ns: When its result came back, if no span says.
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
    end_ns: int = 0


class ToolBook:
    """Gathers the tool runs of one turn."""

    def __init__(self) -> None:
        self.runs: list[ToolRun] = []
        self._by_id: dict[str, ToolRun] = {}

    def asked(self, call: Call) -> None:
        """Note the tools a model call asks for."""
        index = 0
        for message in call.output:
            for part in message.of("tool_call"):
                if part.id not in self._by_id or not part.id:
                    self._open(part, call, index)
                index += 1

    def recovered(self, part: Part, call: Call) -> None:
        """Note a tool call that only a later call's history tells of."""
        if part.id and part.id not in self._by_id:
            self._open(part, call, 0)

    def answered(self, part: Part, call: Call) -> bool:
        """Note a result in a model call's input; False when the tool was not asked for here."""
        run = self._by_id.get(part.id)
        if run is None:
            return False
        if not run.has_result:
            run.result, run.has_result, run.end_ns = plain_result(part.value), True, call.start_ns
            if part.failed:
                run.error = result_text(run.result)
        return True

    def ran(self, node: Node) -> None:
        """Note a span of a tool."""
        evidence = _from_span(node)
        run = self._match(evidence)
        if run is None:
            self.runs.append(evidence)
            if evidence.call_id:
                self._by_id[evidence.call_id] = evidence
            return
        _merge(run, evidence)
        if evidence.call_id and not run.call_id:
            run.call_id = evidence.call_id
            self._by_id[run.call_id] = run

    def _open(self, part: Part, call: Call, index: int) -> None:
        run = ToolRun(part.id, part.name, part.value, call=call, index=index)
        self.runs.append(run)
        if part.id:
            self._by_id[part.id] = run

    def _match(self, evidence: ToolRun) -> ToolRun | None:
        if evidence.call_id:
            known = self._by_id.get(evidence.call_id)
            if known is not None:
                return known
        start = evidence.nodes[0].span.start_ns
        parent = next((r for r in self.runs if evidence.nodes[0].above in r.nodes), None)
        if parent is not None and _same_run(parent, evidence):
            return parent
        free = [
            run
            for run in self.runs
            if not run.nodes
            and (not evidence.call_id or not run.call_id)
            and (run.call is None or run.call.start_ns <= start)
        ]
        wanted = _canonical(evidence.arguments)
        named = [run for run in free if run.name == evidence.name]
        return next(
            (run for run in named if _canonical(run.arguments) == wanted),
            next((run for run in named if _resembles(run, evidence)), named[0] if len(named) == 1 else None),
        )


def _from_span(node: Node) -> ToolRun:
    reading = node.reading
    fields = reading.fields
    name = reading.text("tool_name") or _name_from_span(node.span.name)
    arguments = unwrap_arguments(load(fields.get("tool_arguments")))
    raw = fields.get("tool_result", _MISSING)
    if raw is _MISSING:
        for event in node.span.events:
            if event.name in {"tool.output", "gen_ai.choice"}:
                raw = next(
                    (
                        event.attributes[k]
                        for k in ("output", "content", "message", "diff")
                        if k in event.attributes
                    ),
                    _MISSING,
                )
    result, call_id, failed = unwrap_result(None if raw is _MISSING else load(raw))
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


def _name_from_span(name: str) -> str:
    for prefix in ("execute_tool ", "running tool: ", "anthropic.tool_use ", "tool "):
        if name.startswith(prefix):
            return name[len(prefix) :]
    return name.removesuffix(".tool")


def unwrap_arguments(value: Any) -> Any:
    """Take a tool's arguments out of what instrumentations put around them."""
    if isinstance(value, dict):
        args, kwargs = value.get("args"), value.get("kwargs")
        if isinstance(args, list) and isinstance(kwargs, dict) and len(value) <= 3:
            return kwargs if kwargs or not args else args
    return value


def unwrap_result(value: Any) -> tuple[Any, str, bool]:
    """Return a tool's result, and the call id and failure a serialised tool message names."""
    if isinstance(value, dict) and _is_tool_message(value):
        for message in read_messages(value, "tool"):
            for part in message.of("tool_result"):
                return plain_result(part.value), part.id, part.failed
    return plain_result(value), "", False


def _is_tool_message(value: dict[str, Any]) -> bool:
    inner = value.get("data") if isinstance(value.get("data"), dict) else value.get("kwargs", value)
    return isinstance(inner, dict) and "tool_call_id" in inner


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
    if evidence.has_result and (not run.has_result or not isinstance(run.result, dict | list)):
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

"""What follows from a scenario: the script of the model server, and the truth. Neither ever sees a span."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from model_server import Rule
from model_wire import Reply, ToolUse, Usage
from shape import Conversation, Delegation, Scenario, Turn
from shop import PICTURE, TOOLS, WarehouseError, plain_name, run_tool


def _result_markers(reply: Reply) -> tuple[str, ...]:
    """Texts by which the results of *reply*'s tools can be told."""
    markers = []
    for tool in reply.tools:
        name = plain_name(tool.name)
        if name == "order_status":
            markers.append(tool.arguments["order_id"])
        elif name == "reserve_item":
            markers += ["offline", "rror", tool.arguments["sku"]]
        elif name in TOOLS:
            markers.append(run_tool(name, tool.arguments))
    return tuple(markers)


def tag(turn: Turn) -> str:
    """What the model server keeps with the calls of a turn."""
    return f"{turn.conversation}: {turn.text[:60]}"


def rules(scenario: Scenario) -> list[Rule]:
    """The script of the model server for *scenario*."""
    made: list[Rule] = []
    for turn in scenario.turns:
        when: tuple[str, ...] = (turn.text[:60],)
        calls = list(turn.calls)
        delegation = turn.delegation
        if delegation:
            made.append(Rule(when, calls.pop(0), tag(turn)))
            asked = delegation.marker or delegation.tool.arguments.get("question")
            when = (str(asked), turn.text)
            for reply in delegation.calls:
                made.append(Rule(when, reply, tag(turn)))
                when = _result_markers(reply)
            when = (delegation.calls[-1].text,)
        for reply in calls:
            made.append(Rule(when, reply, tag(turn)))
            when = _result_markers(reply)
    return made


def with_transfer_tool(scenario: Scenario, tool: ToolUse, marker: str) -> Scenario:
    """The scenario with the tool by which a framework hands a turn over.

    Args:
        scenario: One with delegations.
        tool: What the model calls.
        marker: A text in what the framework answers to it.
    """
    turns = []
    for turn in scenario.turns:
        if turn.delegation is None or turn.delegation.returns:
            turns.append(turn)
            continue
        first = replace(turn.calls[0], tools=(tool,))
        delegation = replace(turn.delegation, tool=tool, marker=marker)
        turns.append(replace(turn, calls=(first, *turn.calls[1:]), delegation=delegation))
    return replace(scenario, turns=tuple(turns))


def with_tool_names(scenario: Scenario, named: Callable[[str], str]) -> Scenario:
    """The scenario with the names that a framework gives the application's tools."""

    def renamed(replies: tuple[Reply, ...]) -> tuple[Reply, ...]:
        return tuple(
            replace(reply, tools=tuple(replace(tool, name=named(tool.name)) for tool in reply.tools))
            for reply in replies
        )

    turns = []
    for turn in scenario.turns:
        delegation = turn.delegation
        if delegation:
            tool = replace(delegation.tool, name=named(delegation.tool.name))
            delegation = replace(delegation, tool=tool, calls=renamed(delegation.calls))
        turns.append(replace(turn, calls=renamed(turn.calls), delegation=delegation))
    return replace(scenario, turns=tuple(turns))


def _actions(turn: Turn) -> list[dict[str, Any]]:
    replies = list(turn.calls)
    if turn.delegation:
        replies[1:1] = turn.delegation.calls
    return [_action(tool, turn.delegation) for reply in replies for tool in reply.tools]


def _action(tool: ToolUse, delegation: Delegation | None) -> dict[str, Any]:
    action: dict[str, Any] = {"name": tool.name, "arguments": tool.arguments, "result": None, "error": None}
    if delegation and tool == delegation.tool:
        action["result"] = delegation.calls[-1].text if delegation.returns else None
        action["any_result"] = not delegation.returns
        return action
    try:
        action["result"] = TOOLS[plain_name(tool.name)].function(**tool.arguments)
    except WarehouseError as error:
        action["error"] = str(error)
    return action


@dataclass(frozen=True)
class Truth:
    """The expected conversations of a scenario, for one way of running it.

    Attributes:
        scenario: What was run.
        per_turn: Without an id, each turn is a conversation of its own: nothing joins their spans.
    """

    scenario: Scenario
    per_turn: bool = False

    def conversations(self, served: Sequence[Rule]) -> list[tuple[dict[str, Any], list[Usage]]]:
        """The expected conversations, each with what its model calls were billed.

        Args:
            served: What the model server answered.
        """
        found: list[tuple[dict[str, Any], list[Usage]]] = []
        for conversation in self.scenario.conversations:
            turns = [turn for turn in self.scenario.turns if turn.conversation == conversation.key]
            parts = [[turn] for turn in turns] if conversation.id is None and self.per_turn else [turns]
            found += [_part(conversation, part, served) for part in parts]
        return found


def _part(
    conversation: Conversation, turns: Sequence[Turn], served: Sequence[Rule]
) -> tuple[dict[str, Any], list[Usage]]:
    tags = {tag(turn) for turn in turns}
    replies = [rule.reply for rule in served if rule.tag in tags]
    billed = [reply.usage for reply in replies if reply.status == 200]
    return _expected(conversation, turns, billed), billed


def _expected(conversation: Conversation, turns: Sequence[Turn], billed: Sequence[Usage]) -> dict[str, Any]:
    messages = []
    for turn in turns:
        messages.append({"sender": "end_user", "text": turn.text})
        if turn.reply is not None:
            messages.append({"sender": "agent", "text": turn.reply})
    return {
        "conversation_id": conversation.id,
        "customer_id": conversation.customer,
        "messages": messages,
        "actions": [action for turn in turns for action in _actions(turn)],
        "attachments": [{"mime_type": "image/png", "size": len(PICTURE)} for turn in turns if turn.image],
        "tokens": {
            "input": sum(usage.input for usage in billed),
            "output": sum(usage.output for usage in billed),
            "cache_read": sum(usage.cache_read for usage in billed),
            "calls": len(billed),
        },
        "notes": [],
    }
